// Mistake: 32 threads of a block add to one shared number with a plain +=.
// First screen: race in shared memory.*plain_add_in_block\.cu
#include "tools/proofs/mistakes/layernorm/layernorm.cuh"

namespace wb::mistake {
namespace {

__global__ void plain_add_in_block_kernel(const float* x,      // (N, C)
                                          const float* gamma,  // (C)
                                          const float* beta,   // (C)
                                          float* y,            // (N, C)
                                          float* mean,         // (N)
                                          float* rstd,         // (N)
                                          int c, float epsilon) {
  const float row_mean = mean_of_row(x, c);
  const float squares = warp_reduce(squares_of_thread(x, row_mean, c), Sum{});
  __shared__ float all_squares;
  if (threadIdx.x == 0) all_squares = 0.0f;
  __syncthreads();
  if (threadIdx.x % kWarp == 0) all_squares += squares;
  __syncthreads();
  const float row_rstd = rsqrtf(all_squares / c + epsilon);
  store_statistics(mean, rstd, row_mean, row_rstd);
  normalize_row(x, gamma, beta, y, row_mean, row_rstd, c);
}

void launch(const float* x, const float* gamma, const float* beta, float* y, float* mean, float* rstd, int n,
            int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  plain_add_in_block_kernel<<<n, kThreads, 0, stream>>>(x, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(LayernormForward, plain_add_in_block, launch);

}  // namespace
}  // namespace wb::mistake
