// Mistake: where a row starts is computed in an int: past 2^31 elements it wraps around.
// Caught as: too far for a 32-bit index
// Caught by: CountsPastTwoToThe31
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "04_layernorm/bias_layernorm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void start_of_32_bits_kernel(const float* x,      // (N, C)
                                        const float* bias,   // (C)
                                        const float* gamma,  // (C)
                                        const float* beta,   // (C)
                                        float* y,            // (N, C)
                                        float* mean,         // (N)
                                        float* rstd,         // (N)
                                        int c, float epsilon) {
  const int start = static_cast<int>(blockIdx.x) * c;
  float sum = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x) sum += (x[start + i] + bias[i]);
  const float row_mean = block_sum(sum) / c;
  float squares = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x)
    squares += ((x[start + i] + bias[i]) - row_mean) * ((x[start + i] + bias[i]) - row_mean);
  const float row_rstd = rsqrtf(block_sum(squares) / c + epsilon);
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = row_mean;
    rstd[blockIdx.x] = row_rstd;
  }
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    y[start + i] = ((x[start + i] + bias[i]) - row_mean) * row_rstd * gamma[i] + beta[i];
  }
}

void start_of_32_bits(const float* x, const float* bias, const float* gamma, const float* beta, float* y,
                      float* mean, float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  start_of_32_bits_kernel<<<n, 256, 0, stream>>>(x, bias, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(BiasLayernormForward, start_of_32_bits, start_of_32_bits);

}  // namespace
}  // namespace wb
