// Mistake: the indices are ints. Past 2^31 elements they wrap around.
// Caught as: too far for a 32-bit index|an index is computed in 32 bits
// Caught by: CountsPastTwoToThe31
#include "03_softmax/block_reduce.cuh"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void index_of_32_bits_dx_kernel(const float* dy,      // (N, C)
                                           const float* x,       // (N, C)
                                           const float* weight,  // (C)
                                           const float* rstd,    // (N)
                                           float* dx,            // (N, C)
                                           int c) {
  const int start = blockIdx.x * c;
  const float row_rstd = rstd[blockIdx.x];
  float dot = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x)
    dot += dy[start + i] * weight[i] * x[start + i] * row_rstd;
  const float mean = block_sum(dot) / c;
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    const float g = dy[start + i] * weight[i], xhat = x[start + i] * row_rstd;
    dx[start + i] = row_rstd * (g - xhat * mean);
  }
}

// One thread per column.
__global__ void index_of_32_bits_dweight_kernel(const float* dy,    // (N, C)
                                                const float* x,     // (N, C)
                                                const float* rstd,  // (N)
                                                float* dweight,     // (C)
                                                int n, int c) {
  const int column = blockIdx.x * blockDim.x + threadIdx.x;
  if (column >= c) return;
  float sum = 0.0f;
  for (int row = 0; row < n; ++row) sum += dy[row * c + column] * x[row * c + column] * rstd[row];
  dweight[column] += sum;
}

void index_of_32_bits(const float* dy, const float* x, const float* weight, const float* rstd, float* dx,
                      float* dweight, float* scratch, int n, int c, cudaStream_t stream) {
  index_of_32_bits_dx_kernel<<<n, 256, 0, stream>>>(dy, x, weight, rstd, dx, c);
  index_of_32_bits_dweight_kernel<<<(c - 1) / 256 + 1, 256, 0, stream>>>(dy, x, rstd, dweight, n, c);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RmsnormBackward, index_of_32_bits, index_of_32_bits);

}  // namespace
}  // namespace wb
