// Mistake: all threads read the statistics that thread 0 stores, without waiting for it.
// First screen: race in device memory.*statistics_too_early\.cu|never written.*statistics_too_early\.cu
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "04_layernorm/moments.cuh"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 256;

__global__ void statistics_too_early_kernel(const float* x,      // (N, C)
                                            const float* gamma,  // (C)
                                            const float* beta,   // (C)
                                            float* y,            // (N, C)
                                            float* mean,         // (N)
                                            float* rstd,         // (N)
                                            int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  float sum = 0.0f;
  for (int i = threadIdx.x; i < c; i += kThreads) sum += x[start + i];
  const float row_mean = block_sum(sum) / c;
  float squares = 0.0f;
  for (int i = threadIdx.x; i < c; i += kThreads)
    squares += (x[start + i] - row_mean) * (x[start + i] - row_mean);
  const float row_rstd = rsqrtf(block_sum(squares) / c + epsilon);
  if (threadIdx.x == kThreads - 1) {
    mean[blockIdx.x] = row_mean;
    rstd[blockIdx.x] = row_rstd;
  }
  for (int i = threadIdx.x; i < c; i += kThreads) {
    y[start + i] = (x[start + i] - mean[blockIdx.x]) * rstd[blockIdx.x] * gamma[i] + beta[i];
  }
}

void launch(const float* x, const float* gamma, const float* beta, float* y, float* mean, float* rstd, int n,
            int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  statistics_too_early_kernel<<<n, kThreads, 0, stream>>>(x, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(LayernormForward, statistics_too_early, launch);

}  // namespace
}  // namespace wb::mistake
