// Mistake: the sum is scaled by the rstd of x alone.
// Caught as: by the rstd of x alone
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "05_rmsnorm_rope/residual_rmsnorm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void rstd_without_residual_kernel(const float* x,         // (N, C)
                                             const float* residual,  // (N, C)
                                             const float* weight,    // (C)
                                             float* sum,             // (N, C)
                                             float* y,               // (N, C)
                                             float* rstd,            // (N)
                                             int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  float squares = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    const float value = x[start + i];
    squares += value * value;
  }
  const float row_rstd = rsqrtf(block_sum(squares) / c + epsilon);
  if (threadIdx.x == 0) rstd[blockIdx.x] = row_rstd;
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    y[start + i] = (x[start + i] + residual[start + i]) * row_rstd * weight[i];
    sum[start + i] = x[start + i] + residual[start + i];
  }
}

void rstd_without_residual(const float* x, const float* residual, const float* weight, float* sum, float* y,
                           float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  rstd_without_residual_kernel<<<n, 256, 0, stream>>>(x, residual, weight, sum, y, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(ResidualRmsnormForward, rstd_without_residual, rstd_without_residual);

}  // namespace
}  // namespace wb
