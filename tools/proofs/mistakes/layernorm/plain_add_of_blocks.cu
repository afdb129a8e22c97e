// Mistake: many blocks add to dgamma and dbeta with a plain +=.
// First screen: race in device memory.*plain_add_of_blocks\.cu
#include "tools/proofs/mistakes/layernorm/layernorm.cuh"

namespace wb::mistake {
namespace {

__global__ void plain_add_of_blocks_kernel(const float* dy,     // (N, C)
                                           const float* x,      // (N, C)
                                           const float* gamma,  // (C)
                                           const float* mean,   // (N)
                                           const float* rstd,   // (N)
                                           float* dx,           // (N, C)
                                           float* dgamma,       // (C)
                                           float* dbeta,        // (C)
                                           int c) {
  backward_row(dy, x, gamma, mean[blockIdx.x], rstd[blockIdx.x], dx, c, [&](int i, float g, float b) {
    dgamma[i] += g;
    dbeta[i] += b;
  });
}

void launch(const float* dy, const float* x, const float* gamma, const float* mean, const float* rstd,
            float* dx, float* dgamma, float* dbeta, float* scratch, int n, int c, cudaStream_t stream) {
  check_layernorm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta, scratch, n, c);
  plain_add_of_blocks_kernel<<<n, kThreads, 0, stream>>>(dy, x, gamma, mean, rstd, dx, dgamma, dbeta, c);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(LayernormBackward, plain_add_of_blocks, launch);

}  // namespace
}  // namespace wb::mistake
