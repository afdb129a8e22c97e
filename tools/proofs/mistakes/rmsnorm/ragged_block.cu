// Mistake: a block of C threads, whose last warp does not have all lanes of the mask.
// First screen: a shuffle from a lane that does not exist
#include <algorithm>
#include <cstdint>

#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

__device__ float sum_of_warp(float value) {
  for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(0xffffffffu, value, distance);
  return value;
}

__global__ void ragged_block_kernel(const float* x,       // (N, C)
                                    const float* weight,  // (C)
                                    float* y,             // (N, C)
                                    float* rstd,          // (N)
                                    int c, float epsilon) {
  __shared__ float of_warp[32];
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  float squares = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x) squares += x[start + i] * x[start + i];
  squares = sum_of_warp(squares);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = squares;
  __syncthreads();
  float all = 0.0f;
  for (unsigned w = 0; w < (blockDim.x + 31) / 32; ++w) all += of_warp[w];
  const float row_rstd = rsqrtf(all / c + epsilon);
  if (threadIdx.x == 0) rstd[blockIdx.x] = row_rstd;
  for (int i = threadIdx.x; i < c; i += blockDim.x) y[start + i] = x[start + i] * row_rstd * weight[i];
}

void launch(const float* x, const float* weight, float* y, float* rstd, int n, int c, float epsilon,
            cudaStream_t stream) {
  check_rmsnorm_forward(x, weight, y, rstd, n, c, epsilon);
  const int threads = std::min(c, 1024);
  ragged_block_kernel<<<n, threads, 0, stream>>>(x, weight, y, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RmsnormForward, ragged_block, launch);

}  // namespace
}  // namespace wb::mistake
