// Mistake: all threads read the statistics that the last one stores, without waiting for it.
// First screen: race in device memory.*statistics_too_early\.cu|never written.*statistics_too_early\.cu
#include "tools/proofs/mistakes/layernorm/layernorm.cuh"

namespace wb::mistake {
namespace {

__global__ void statistics_too_early_kernel(const float* x,      // (N, C)
                                            const float* gamma,  // (C)
                                            const float* beta,   // (C)
                                            float* y,            // (N, C)
                                            float* mean,         // (N)
                                            float* rstd,         // (N)
                                            int c, float epsilon) {
  const float row_mean = mean_of_row(x, c);
  const float row_rstd = rsqrtf(block_sum(squares_of_thread(x, row_mean, c)) / c + epsilon);
  if (threadIdx.x == kThreads - 1) {
    mean[blockIdx.x] = row_mean;
    rstd[blockIdx.x] = row_rstd;
  }
  const float stored_mean = mean[blockIdx.x], stored_rstd = rstd[blockIdx.x];
  normalize_row(x, gamma, beta, y, stored_mean, stored_rstd, c);
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
