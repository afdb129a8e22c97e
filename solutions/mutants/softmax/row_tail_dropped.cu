// Mistake: a row is taken for a whole number of blocks wide: its tail is neither summed nor written.
// Caught as: nothing was written|never written|last .* columns
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/softmax.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 32;

__global__ void row_tail_dropped_kernel(const float* x,  // (rows, columns)
                                        float* y,        // (rows, columns)
                                        int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  const float* in = x + start;
  float* out = y + start;
  float maximum = -INFINITY;
  for (int c = threadIdx.x; c < columns / kThreads * kThreads; c += blockDim.x)
    maximum = fmaxf(maximum, in[c]);
  maximum = block_max(maximum);
  const float shift = maximum == -INFINITY ? 0.0f : maximum;

  float sum = 0.0f;
  for (int c = threadIdx.x; c < columns / kThreads * kThreads; c += blockDim.x) sum += expf(in[c] - shift);
  sum = block_sum(sum);
  const float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
  for (int c = threadIdx.x; c < columns / kThreads * kThreads; c += blockDim.x)
    out[c] = expf(in[c] - shift) * inverse;
}

void row_tail_dropped(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  row_tail_dropped_kernel<<<rows, kThreads, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, row_tail_dropped, row_tail_dropped);

}  // namespace
}  // namespace wb
