// What the kernels of a call ask of memory, for tests of steps that no result shows. Counted by the meter of
// the CPU device (docs/metering.md), in test programs whose kernels were compiled for it (COUNTED in
// cmake/Chapter.cmake).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace wb {

/// Requests: one instruction of a warp. Sectors and wavefronts: what they move, and what they would at best.
struct AccessCount {
  std::uint64_t requests = 0;
  std::uint64_t moved = 0;
  std::uint64_t ideal = 0;
  std::string lines;  // of the source, the worst first: what each of them asks for
};

struct MemoryCounts {
  AccessCount global_loads, global_stores;  // in sectors
  AccessCount shared_loads, shared_stores;  // in wavefronts
};

/// Why this program cannot count; empty if it can.
std::string no_counts();

/// What kernels ask of memory during the call. Zeros where the program cannot count.
MemoryCounts counted(const std::function<void()>& call);

}  // namespace wb
