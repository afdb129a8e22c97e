// Mistake: bias is indexed by the row.
// Caught as: bias is indexed by the row
// Inspected in: BiasLayernormTest.NormalizesRowsOfEveryLength
// Inspected as: out_of_bounds, line: bias[blockIdx.x]
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "04_layernorm/bias_layernorm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void bias_of_the_row_kernel(const float* x,      // (N, C)
                                       const float* bias,   // (C)
                                       const float* gamma,  // (C)
                                       const float* beta,   // (C)
                                       float* y,            // (N, C)
                                       float* mean,         // (N)
                                       float* rstd,         // (N)
                                       int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  float sum = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x) sum += (x[start + i] + bias[blockIdx.x]);
  const float row_mean = block_sum(sum) / c;
  float squares = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x)
    squares +=
        ((x[start + i] + bias[blockIdx.x]) - row_mean) * ((x[start + i] + bias[blockIdx.x]) - row_mean);
  const float row_rstd = rsqrtf(block_sum(squares) / c + epsilon);
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = row_mean;
    rstd[blockIdx.x] = row_rstd;
  }
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    y[start + i] = ((x[start + i] + bias[blockIdx.x]) - row_mean) * row_rstd * gamma[i] + beta[i];
  }
}

void bias_of_the_row(const float* x, const float* bias, const float* gamma, const float* beta, float* y,
                     float* mean, float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  bias_of_the_row_kernel<<<n, 256, 0, stream>>>(x, bias, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(BiasLayernormForward, bias_of_the_row, bias_of_the_row);

}  // namespace
}  // namespace wb
