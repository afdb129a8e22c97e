// Mistake: no barrier between storing what the warps found and reading it, for the maximum and the sum alike.
// Caught as: NormalizesOneRow +\w+ +(ok|FAILED(\n    .*|\n)*used different sums)
// Inspected in: SoftmaxForwardTest.NormalizesOneRow
// Inspected as: shared_race, line: value = of_warp[0];
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/softmax.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

template <class Combine>
__device__ float over_block(float value, Combine combine) {
  __shared__ float of_warp[kMaxWarps];
  value = warp_reduce(value, combine);
  if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = value;
  value = of_warp[0];
  for (int warp = 1; warp < kThreads / kWarp; ++warp) value = combine(value, of_warp[warp]);
  __syncthreads();
  return value;
}

__global__ void missing_first_barrier_kernel(const float* x,  // (rows, columns)
                                             float* y,        // (rows, columns)
                                             int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  const float* in = x + start;
  float* out = y + start;
  float maximum = -INFINITY;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) maximum = fmaxf(maximum, in[c]);
  maximum = over_block(maximum, Maximum{});
  const float shift = maximum == -INFINITY ? 0.0f : maximum;

  float sum = 0.0f;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) sum += expf(in[c] - shift);
  sum = over_block(sum, Sum{});
  const float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) out[c] = expf(in[c] - shift) * inverse;
}

void missing_first_barrier(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  missing_first_barrier_kernel<<<rows, kThreads, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, missing_first_barrier, missing_first_barrier);

}  // namespace
}  // namespace wb
