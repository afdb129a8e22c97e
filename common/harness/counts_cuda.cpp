// A GPU does not tell a program what its kernels asked for: Nsight Compute does.
#include "common/harness/counts.h"

namespace wb {

std::string no_counts() {
  return "requests of memory are counted on the CPU device: --device cpu";
}

MemoryCounts counted(const std::function<void()>& call) {
  call();
  return {};
}

}  // namespace wb
