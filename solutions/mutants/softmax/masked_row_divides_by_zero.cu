// Mistake: a row of nothing but -inf is not thought of: -inf - -inf is NaN.
// Caught as: NaN: inf - inf
// Caught by: GivesMaskedEntriesZero
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/softmax.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void masked_row_divides_by_zero_kernel(const float* x,  // (rows, columns)
                                                  float* y,        // (rows, columns)
                                                  int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  const float* in = x + start;
  float* out = y + start;
  float maximum = -INFINITY;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) maximum = fmaxf(maximum, in[c]);
  maximum = block_max(maximum);

  float sum = 0.0f;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) sum += expf(in[c] - maximum);
  sum = block_sum(sum);
  const float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) out[c] = expf(in[c] - maximum) * inverse;
}

void masked_row_divides_by_zero(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  masked_row_divides_by_zero_kernel<<<rows, kThreads, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, masked_row_divides_by_zero, masked_row_divides_by_zero);

}  // namespace
}  // namespace wb
