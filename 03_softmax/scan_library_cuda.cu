// Scan by CUB, which comes with the CUDA toolkit. Its kernel is a single pass with decoupled look-back too.
#include <cub/device/device_scan.cuh>

#include "03_softmax/scan_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

void scan_library(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  check_scan(x, out, scratch, n);
  if (n == 0) return;
  const int count = static_cast<int>(n);  // checked
  std::size_t bytes = 0;
  WB_CUDA_CHECK(cub::DeviceScan::InclusiveSum(nullptr, bytes, x, out, count, stream));
  WB_REQUIRE(bytes <= scan_scratch_size(n) * sizeof(int), bytes);
  WB_CUDA_CHECK(cub::DeviceScan::InclusiveSum(scratch, bytes, x, out, count, stream));
}

WB_REGISTER(Scan, library, scan_library);

}  // namespace
}  // namespace wb
