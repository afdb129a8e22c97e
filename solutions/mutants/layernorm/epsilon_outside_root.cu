// Mistake: epsilon is added to the root, not under it.
// Caught as: epsilon is added to the root
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "04_layernorm/layernorm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void epsilon_outside_root_kernel(const float* x,      // (N, C)
                                            const float* gamma,  // (C)
                                            const float* beta,   // (C)
                                            float* y,            // (N, C)
                                            float* mean,         // (N)
                                            float* rstd,         // (N)
                                            int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  float sum = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x) sum += x[start + i];
  const float row_mean = block_sum(sum) / c;
  float squares = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x)
    squares += (x[start + i] - row_mean) * (x[start + i] - row_mean);
  const float row_rstd = 1.0f / (sqrtf(block_sum(squares) / c) + epsilon);
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = row_mean;
    rstd[blockIdx.x] = row_rstd;
  }
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    y[start + i] = (x[start + i] - row_mean) * row_rstd * gamma[i] + beta[i];
  }
}

void epsilon_outside_root(const float* x, const float* gamma, const float* beta, float* y, float* mean,
                          float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  epsilon_outside_root_kernel<<<n, 256, 0, stream>>>(x, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(LayernormForward, epsilon_outside_root, epsilon_outside_root);

}  // namespace
}  // namespace wb
