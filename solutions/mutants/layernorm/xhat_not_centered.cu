// Mistake: dgamma sums dy x rstd: the mean is not subtracted.
// Caught as: The mean is not subtracted
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "04_layernorm/layernorm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void xhat_not_centered_dx_kernel(const float* dy,     // (N, C)
                                            const float* x,      // (N, C)
                                            const float* gamma,  // (C)
                                            const float* mean,   // (N)
                                            const float* rstd,   // (N)
                                            float* dx,           // (N, C)
                                            int c) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const float row_mean = mean[blockIdx.x], row_rstd = rstd[blockIdx.x];
  float sum = 0.0f, dot = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    const float g = dy[start + i] * gamma[i];
    sum += g;
    dot += g * (x[start + i] - row_mean) * row_rstd;
  }
  const float mean_g = block_sum(sum) / c, mean_dot = block_sum(dot) / c;
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    const float g = dy[start + i] * gamma[i], xhat = (x[start + i] - row_mean) * row_rstd;
    dx[start + i] = row_rstd * (g - mean_g - xhat * mean_dot);
  }
}

// One thread a column.
__global__ void xhat_not_centered_sums_kernel(const float* dy,    // (N, C)
                                              const float* x,     // (N, C)
                                              const float* mean,  // (N)
                                              const float* rstd,  // (N)
                                              float* dgamma,      // (C)
                                              float* dbeta,       // (C)
                                              int n, int c) {
  const int column = blockIdx.x * blockDim.x + threadIdx.x;
  if (column >= c) return;
  float dgamma_sum = 0.0f, dbeta_sum = 0.0f;
  for (std::int64_t row = 0; row < n; ++row) {
    const float upstream = dy[row * c + column];
    dgamma_sum += upstream * (x[row * c + column] * rstd[row]);
    dbeta_sum += upstream;
  }
  dgamma[column] += dgamma_sum;
  dbeta[column] += dbeta_sum;
}

void xhat_not_centered(const float* dy, const float* x, const float* gamma, const float* mean,
                       const float* rstd, float* dx, float* dgamma, float* dbeta, float* scratch, int n,
                       int c, cudaStream_t stream) {
  xhat_not_centered_dx_kernel<<<n, 256, 0, stream>>>(dy, x, gamma, mean, rstd, dx, c);
  xhat_not_centered_sums_kernel<<<(c - 1) / 256 + 1, 256, 0, stream>>>(dy, x, mean, rstd, dgamma, dbeta, n,
                                                                       c);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(LayernormBackward, xhat_not_centered, xhat_not_centered);

}  // namespace
}  // namespace wb
