// Which of compute-sanitizer's tools observes this run, if any. They make kernels a hundred times slower or
// more.
#pragma once

#include <cstdlib>
#include <string_view>

namespace wb {

/// "memcheck", "racecheck", ...: the environment variable WB_SANITIZER, set by whoever starts the tool
/// (tools/gpu/verify.sh); else empty.
inline std::string_view sanitizer() {
  const char* tool = std::getenv("WB_SANITIZER");
  return tool != nullptr ? tool : "";
}

/// Tests of times skip themselves then.
inline bool under_sanitizer() {
  return !sanitizer().empty();
}

}  // namespace wb
