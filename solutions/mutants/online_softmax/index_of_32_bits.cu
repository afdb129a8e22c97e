// Mistake: the offset of a row is an int: past 2^31 elements it wraps around.
// Caught as: too far for a 32-bit index
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/online_softmax.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void index_of_32_bits_kernel(const float* x,  // (rows, columns)
                                        float* lse,      // (rows)
                                        int columns) {
  const float* in = x + static_cast<int>(blockIdx.x) * columns;
  float maximum = -INFINITY;
  float sum = 0.0f;
  for (int c = threadIdx.x; c < columns; c += kThreads) {
    const float larger = fmaxf(maximum, in[c]);
    const float shift = larger == -INFINITY ? 0.0f : larger;
    sum = sum * expf(maximum - shift) + expf(in[c] - shift);
    maximum = larger;
  }
  const float of_row = block_max(maximum);
  const float shift = of_row == -INFINITY ? 0.0f : of_row;
  sum = block_sum(sum * expf(maximum - shift));
  if (threadIdx.x == 0) lse[blockIdx.x] = of_row + logf(sum);
}

void index_of_32_bits(const float* x, float* lse, int rows, int columns, cudaStream_t stream) {
  index_of_32_bits_kernel<<<rows, kThreads, 0, stream>>>(x, lse, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(OnlineSoftmax, index_of_32_bits, index_of_32_bits);

}  // namespace
}  // namespace wb
