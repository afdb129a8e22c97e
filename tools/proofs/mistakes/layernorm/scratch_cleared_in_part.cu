// Mistake: clears as many bytes of the scratch memory as it has elements.
// First screen: never written.*scratch_cleared_in_part\.cu
#include <algorithm>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 128;

// One block per row.
__global__ void scratch_cleared_in_part_kernel(const float* dy,     // (N, C)
                                               const float* x,      // (N, C)
                                               const float* gamma,  // (C)
                                               const float* mean,   // (N)
                                               const float* rstd,   // (N)
                                               float* dx,           // (N, C)
                                               float* dgamma,       // (C)
                                               float* dbeta,        // (C)
                                               int c) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const float row_mean = mean[blockIdx.x], row_rstd = rstd[blockIdx.x];
  float sum = 0.0f, dot = 0.0f;
  for (int i = threadIdx.x; i < c; i += kThreads) {
    const float xhat = (x[start + i] - row_mean) * row_rstd;
    sum += dy[start + i] * gamma[i];
    dot += dy[start + i] * gamma[i] * xhat;
  }
  const float mean_g = block_sum(sum) / c, mean_dot = block_sum(dot) / c;
  for (int i = threadIdx.x; i < c; i += kThreads) {
    const float xhat = (x[start + i] - row_mean) * row_rstd;
    dx[start + i] = row_rstd * (dy[start + i] * gamma[i] - mean_g - xhat * mean_dot);
    atomicAdd(&dgamma[i], dy[start + i] * xhat);
    atomicAdd(&dbeta[i], dy[start + i]);
  }
}

__global__ void add_scratch_kernel(const float* scratch,  // (2, C)
                                   float* dgamma,         // (C)
                                   float* dbeta,          // (C)
                                   int c) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= c) return;
  dgamma[i] += scratch[i];
  dbeta[i] += scratch[c + i];
}

void launch(const float* dy, const float* x, const float* gamma, const float* mean, const float* rstd,
            float* dx, float* dgamma, float* dbeta, float* scratch, int n, int c, cudaStream_t stream) {
  check_layernorm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta, scratch, n, c);
  WB_CUDA_CHECK(cudaMemsetAsync(scratch, 0, 2 * static_cast<std::size_t>(c), stream));
  scratch_cleared_in_part_kernel<<<n, kThreads, 0, stream>>>(dy, x, gamma, mean, rstd, dx, scratch,
                                                             scratch + c, c);
  WB_CHECK_LAUNCH();
  add_scratch_kernel<<<(c - 1) / kThreads + 1, kThreads, 0, stream>>>(scratch, dgamma, dbeta, c);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(LayernormBackward, scratch_cleared_in_part, launch);

}  // namespace
}  // namespace wb::mistake
