// Mistake: where a row starts is computed in an int: past 2^31 elements it wraps around.
// Caught as: too far for a 32-bit index
// Caught by: CountsPastTwoToThe31
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "05_rmsnorm_rope/residual_rmsnorm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void start_of_32_bits_kernel(const float* x,         // (N, C)
                                        const float* residual,  // (N, C)
                                        const float* weight,    // (C)
                                        float* sum,             // (N, C)
                                        float* y,               // (N, C)
                                        float* rstd,            // (N)
                                        int c, float epsilon) {
  const int start = static_cast<int>(blockIdx.x) * c;
  float squares = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    const float value = x[start + i] + residual[start + i];
    squares += value * value;
  }
  const float row_rstd = rsqrtf(block_sum(squares) / c + epsilon);
  if (threadIdx.x == 0) rstd[blockIdx.x] = row_rstd;
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    const float value = x[start + i] + residual[start + i];
    sum[start + i] = value;
    y[start + i] = value * row_rstd * weight[i];
  }
}

void start_of_32_bits(const float* x, const float* residual, const float* weight, float* sum, float* y,
                      float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  start_of_32_bits_kernel<<<n, 256, 0, stream>>>(x, residual, weight, sum, y, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(ResidualRmsnormForward, start_of_32_bits, start_of_32_bits);

}  // namespace
}  // namespace wb
