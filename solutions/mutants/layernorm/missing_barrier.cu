// Mistake: no barrier between storing the sums of warps and reading them, the second time.
// Caught as: it is a race
// Caught by: KeepsASmallSpreadBesideALargeMean
// Inspected in: LayernormForwardTest.FindsTheMeanOfARow
// Inspected as: shared_race, line: of_warp[threadIdx.x / kWarp] = value;
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "04_layernorm/layernorm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__device__ float hasty_block_sum(float value, float* of_warp) {
  value = warp_reduce(value, Sum{});
  if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = value;
  // Missing: __syncthreads();
  float sum = 0.0f;
  for (int warp = 0; warp < blockDim.x / kWarp; ++warp) sum += of_warp[warp];
  return sum;
}

__global__ void missing_barrier_kernel(const float* x,      // (N, C)
                                       const float* gamma,  // (C)
                                       const float* beta,   // (C)
                                       float* y,            // (N, C)
                                       float* mean,         // (N)
                                       float* rstd,         // (N)
                                       int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  float sum = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x) sum += x[start + i];
  const float row_mean = block_sum(sum) / c;
  __shared__ float of_warp[kMaxWarps];
  if (threadIdx.x < kMaxWarps) of_warp[threadIdx.x] = sum;  // what an earlier reduction left
  __syncthreads();
  float squares = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x)
    squares += (x[start + i] - row_mean) * (x[start + i] - row_mean);
  const float row_rstd = rsqrtf(hasty_block_sum(squares, of_warp) / c + epsilon);
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = row_mean;
    rstd[blockIdx.x] = row_rstd;
  }
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    y[start + i] = (x[start + i] - row_mean) * row_rstd * gamma[i] + beta[i];
  }
}

void missing_barrier(const float* x, const float* gamma, const float* beta, float* y, float* mean,
                     float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  missing_barrier_kernel<<<n, 256, 0, stream>>>(x, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(LayernormForward, missing_barrier, missing_barrier);

}  // namespace
}  // namespace wb
