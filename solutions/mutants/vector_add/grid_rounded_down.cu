// Mistake: the number of blocks is rounded down, so the tail belongs to nobody.
// Caught as: only the tail|nothing was written
#include <algorithm>

#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void grid_rounded_down_kernel(const float* a,  // (n)
                                         const float* b,  // (n)
                                         float* out,      // (n)
                                         std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

void grid_rounded_down(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t blocks = std::max<std::int64_t>(1, n / kThreads);
  grid_rounded_down_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, grid_rounded_down, grid_rounded_down);

}  // namespace
}  // namespace wb
