// Scan by the C++ standard library, on one core of the host. For the CPU device only.
#include <numeric>

#include "03_softmax/scan_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void inclusive_scan_kernel(const int* x,  // (n)
                                      int* out,      // (n)
                                      std::int64_t n) {
  std::inclusive_scan(x, x + n, out);
}

void scan_library(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  check_scan(x, out, scratch, n);
  if (n == 0) return;
  inclusive_scan_kernel<<<1, 1, 0, stream>>>(x, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Scan, library, scan_library);

}  // namespace
}  // namespace wb
