// Mistake: the start of a row is the product of two int.
// First screen: CountsPastTwoToThe31.*too far for a 32-bit index|overflow
#include "tools/proofs/mistakes/layernorm/layernorm.cuh"

namespace wb::mistake {
namespace {

__global__ void int_offset_kernel(const float* x,      // (N, C)
                                  const float* gamma,  // (C)
                                  const float* beta,   // (C)
                                  float* y,            // (N, C)
                                  float* mean,         // (N)
                                  float* rstd,         // (N)
                                  int c, float epsilon) {
  const int start = blockIdx.x * c;
  float sum = 0.0f, squares = 0.0f;
  for (int i = threadIdx.x; i < c; i += kThreads) sum += x[start + i];
  const float row_mean = block_sum(sum) / c;
  for (int i = threadIdx.x; i < c; i += kThreads)
    squares += (x[start + i] - row_mean) * (x[start + i] - row_mean);
  const float row_rstd = rsqrtf(block_sum(squares) / c + epsilon);
  store_statistics(mean, rstd, row_mean, row_rstd);
  for (int i = threadIdx.x; i < c; i += kThreads) {
    y[start + i] = (x[start + i] - row_mean) * row_rstd * gamma[i] + beta[i];
  }
}

void launch(const float* x, const float* gamma, const float* beta, float* y, float* mean, float* rstd, int n,
            int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  int_offset_kernel<<<n, kThreads, 0, stream>>>(x, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(LayernormForward, int_offset, launch);

}  // namespace
}  // namespace wb::mistake
