// Mistake: the maximum begins at a number that is small, but not smaller than every value.
// Caught as: is the running maximum -INFINITY before the first one
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/online_softmax.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void starts_at_a_finite_maximum_kernel(const float* x,  // (rows, columns)
                                                  float* lse,      // (rows)
                                                  int columns) {
  const float* in = x + blockIdx.x * static_cast<std::int64_t>(columns);
  float maximum = -1e4f;
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

void starts_at_a_finite_maximum(const float* x, float* lse, int rows, int columns, cudaStream_t stream) {
  starts_at_a_finite_maximum_kernel<<<rows, kThreads, 0, stream>>>(x, lse, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(OnlineSoftmax, starts_at_a_finite_maximum, starts_at_a_finite_maximum);

}  // namespace
}  // namespace wb
