// Softmax by the formula, one block per row: read the row for its maximum, for its sum, and to store. The
// steps of the lesson lead to this kernel; softmax_solution.cu keeps the row in registers instead.
//
// Thread t takes columns t, t + blockDim.x, ... in each pass, so that a warp reads neighboring floats. The
// kernel works for any row length, and the threads need no registers for the row.
//
// The kernel requests 16 bytes per element: three floats read, one written. If the rows of the running blocks
// stay in the caches, the second and third reads hit, and memory moves 8. Two exponentials per element. Read
// next: softmax_solution.cu.
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void softmax_three_pass_kernel(const float* x,  // (rows, columns)
                                          float* y,        // (rows, columns)
                                          int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  const float* in = x + start;
  float* out = y + start;

  float maximum = -INFINITY;
  for (std::int64_t c = threadIdx.x; c < columns; c += kThreads) maximum = fmaxf(maximum, in[c]);
  maximum = block_max(maximum);
  // In a row of only -inf, -inf - -inf would be NaN; -inf - 0 gives exp = 0.
  const float shift = maximum == -INFINITY ? 0.0f : maximum;

  float sum = 0.0f;
  for (std::int64_t c = threadIdx.x; c < columns; c += kThreads) sum += expf(in[c] - shift);
  sum = block_sum(sum);
  const float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;

  for (std::int64_t c = threadIdx.x; c < columns; c += kThreads) out[c] = expf(in[c] - shift) * inverse;
}

void softmax_three_pass(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  softmax_three_pass_kernel<<<rows, kThreads, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxForward, three_pass, softmax_three_pass);

}  // namespace wb
