// Mistake: no barrier between storing the sums of the warps and reading them.
// Caught as: __syncthreads
// Inspected in: SoftmaxForwardTest.NormalizesOneRow
// Inspected as: shared_race, line: of_warp[threadIdx.x / kWarp] = value;
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/softmax.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__device__ float sum_of_block(float value) {
  __shared__ float of_warp[kMaxWarps];
  value = warp_reduce(value, Sum{});
  if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = value;
  float sum = 0.0f;
  for (int warp = 0; warp < kThreads / kWarp; ++warp) sum += of_warp[warp];
  return sum;
}

__global__ void missing_barrier_kernel(const float* x,  // (rows, columns)
                                       float* y,        // (rows, columns)
                                       int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  const float* in = x + start;
  float* out = y + start;
  float maximum = -INFINITY;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) maximum = fmaxf(maximum, in[c]);
  maximum = block_max(maximum);
  const float shift = maximum == -INFINITY ? 0.0f : maximum;

  float sum = 0.0f;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) sum += expf(in[c] - shift);
  sum = sum_of_block(sum);
  const float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) out[c] = expf(in[c] - shift) * inverse;
}

void missing_barrier(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  missing_barrier_kernel<<<rows, kThreads, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, missing_barrier, missing_barrier);

}  // namespace
}  // namespace wb
