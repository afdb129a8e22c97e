// Mistake: the sum of squares is not divided by C.
// Caught as: not divided by C
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void sum_for_mean_kernel(const float* x,       // (N, C)
                                    const float* weight,  // (C)
                                    float* y,             // (N, C)
                                    float* rstd,          // (N)
                                    int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  float squares = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x) squares += x[start + i] * x[start + i];
  const float row_rstd = rsqrtf(block_sum(squares) + epsilon);
  if (threadIdx.x == 0) rstd[blockIdx.x] = row_rstd;
  for (int i = threadIdx.x; i < c; i += blockDim.x) y[start + i] = x[start + i] * row_rstd * weight[i];
}

void sum_for_mean(const float* x, const float* weight, float* y, float* rstd, int n, int c, float epsilon,
                  cudaStream_t stream) {
  sum_for_mean_kernel<<<n, 256, 0, stream>>>(x, weight, y, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RmsnormForward, sum_for_mean, sum_for_mean);

}  // namespace
}  // namespace wb
