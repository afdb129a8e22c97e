// Mistake: adds atomically to scratch memory that nobody has cleared.
// First screen: never written.*scratch_not_cleared\.cu
#include "tools/proofs/mistakes/layernorm/layernorm.cuh"

namespace wb::mistake {
namespace {

__global__ void scratch_not_cleared_kernel(const float* dy,     // (N, C)
                                           const float* x,      // (N, C)
                                           const float* gamma,  // (C)
                                           const float* mean,   // (N)
                                           const float* rstd,   // (N)
                                           float* dx,           // (N, C)
                                           float* dgamma,       // (C)
                                           float* dbeta,        // (C)
                                           int c) {
  backward_row(dy, x, gamma, mean[blockIdx.x], rstd[blockIdx.x], dx, c, [&](int i, float g, float b) {
    atomicAdd(&dgamma[i], g);
    atomicAdd(&dbeta[i], b);
  });
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
  scratch_not_cleared_kernel<<<n, kThreads, 0, stream>>>(dy, x, gamma, mean, rstd, dx, scratch, scratch + c,
                                                         c);
  WB_CHECK_LAUNCH();
  add_scratch_kernel<<<(c - 1) / kThreads + 1, kThreads, 0, stream>>>(scratch, dgamma, dbeta, c);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(LayernormBackward, scratch_not_cleared, launch);

}  // namespace
}  // namespace wb::mistake
