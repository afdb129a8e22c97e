// Mistake: x is normalized, and the sum only stored.
// Caught as: norm of x, without the residual
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "05_rmsnorm_rope/residual_rmsnorm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void norm_of_x_kernel(const float* x,         // (N, C)
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
    y[start + i] = x[start + i] * row_rstd * weight[i];
    sum[start + i] = x[start + i] + residual[start + i];
  }
}

void norm_of_x(const float* x, const float* residual, const float* weight, float* sum, float* y, float* rstd,
               int n, int c, float epsilon, cudaStream_t stream) {
  norm_of_x_kernel<<<n, 256, 0, stream>>>(x, residual, weight, sum, y, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(ResidualRmsnormForward, norm_of_x, norm_of_x);

}  // namespace
}  // namespace wb
