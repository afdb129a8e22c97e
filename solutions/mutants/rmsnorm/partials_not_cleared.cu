// Mistake: blocks add to their rows of scratch without clearing them first.
// Caught as: scratch, which holds anything
// Inspected in: RmsnormBackwardTest.DifferentiatesByX
// Inspected as: never_written, line: my_partials[i] += dy[start + i] * xhat;
#include <algorithm>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void partials_not_cleared_kernel(const float* dy,      // (N, C)
                                            const float* x,       // (N, C)
                                            const float* weight,  // (C)
                                            const float* rstd,    // (N)
                                            float* dx,            // (N, C)
                                            float* partials,      // (gridDim.x, C)
                                            int n, int c) {
  float* my_partials = partials + blockIdx.x * static_cast<std::int64_t>(c);
  for (std::int64_t row = blockIdx.x; row < n; row += gridDim.x) {
    const std::int64_t start = row * c;
    float dot = 0.0f;
    for (int i = threadIdx.x; i < c; i += blockDim.x)
      dot += dy[start + i] * weight[i] * x[start + i] * rstd[row];
    const float mean = block_sum(dot) / c;
    for (int i = threadIdx.x; i < c; i += blockDim.x) {
      const float g = dy[start + i] * weight[i], xhat = x[start + i] * rstd[row];
      dx[start + i] = rstd[row] * (g - xhat * mean);
      my_partials[i] += dy[start + i] * xhat;
    }
  }
}

__global__ void partials_not_cleared_sum_kernel(const float* partials,  // (blocks, C)
                                                float* dweight,         // (C)
                                                int blocks, int c) {
  const int column = blockIdx.x * blockDim.x + threadIdx.x;
  if (column >= c) return;
  float sum = 0.0f;
  for (std::int64_t block = 0; block < blocks; ++block) sum += partials[block * c + column];
  dweight[column] += sum;
}

void partials_not_cleared(const float* dy, const float* x, const float* weight, const float* rstd, float* dx,
                          float* dweight, float* scratch, int n, int c, cudaStream_t stream) {
  const int blocks = std::min(n, kRmsnormPartials);
  partials_not_cleared_kernel<<<blocks, 256, 0, stream>>>(dy, x, weight, rstd, dx, scratch, n, c);
  partials_not_cleared_sum_kernel<<<(c - 1) / 256 + 1, 256, 0, stream>>>(scratch, dweight, blocks, c);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RmsnormBackward, partials_not_cleared, partials_not_cleared);

}  // namespace
}  // namespace wb
