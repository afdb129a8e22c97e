// A CUDA build without CUPTI: everything works but profiles.
#include "common/core/check.h"
#include "common/profiler/profiler.h"

namespace wb {

std::string Profiler::unavailable() {
  return "this build has no CUPTI: install the CUDA toolkit's CUPTI (Debian/Ubuntu: cuda-cupti-dev), then "
         "configure again";
}

void Profiler::start() {
  throw Error("Profiler::start: " + unavailable());
}

std::vector<KernelRecord> Profiler::stop() {
  throw Error("Profiler::stop: " + unavailable());
}

Profiler::~Profiler() {
  static_cast<void>(recording_);
}

}  // namespace wb
