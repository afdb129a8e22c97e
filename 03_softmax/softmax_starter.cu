// Your turn: softmax of each row, and its gradient. README.md is the lesson; hints.md has hints.
//
// Do one TODO at a time, in this order, and check after each:
//
//     ./workbook check 03 softmax
//
// One block owns one row. TODOs 1 to 4 need a single warp, so a block has 32 threads at first; TODO 5
// increases the number. The gradient, TODO 6, uses the functions of the earlier steps. The launchers are
// complete.
#include <cmath>
#include <cstdint>

#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kWarp = 32;     // threads that can exchange registers
constexpr int kThreads = 32;  // threads of a block. TODO 5: 256
constexpr unsigned kAllLanes = 0xffffffffu;

// The largest value of all threads of the block, in every thread.
[[maybe_unused]] __device__ float block_max(float value) {
  // TODO 1: Five steps, distance 16, 8, 4, 2, 1. In each, __shfl_xor_sync(kAllLanes, value, distance) gives
  //         the value that lane ^ distance holds; keep the larger of the two (fmaxf).

  // TODO 5: With several warps, each now holds its own maximum. Let lane 0 of each warp store it into a
  //         __shared__ array, wait, and let every thread combine all of them. Wait once more before the array
  //         is used again: which threads could still be reading it?
  return value;
}

// The sum of the values of all threads of the block, in every thread.
[[maybe_unused]] __device__ float block_sum(float value) {
  // TODO 1: The same with +.
  return value;
}

__global__ void softmax_kernel(const float* x,  // (rows, columns)
                               float* y,        // (rows, columns)
                               int columns) {
  // TODO 1: One row of 32 columns, thread c on column c. Take the maximum of the row, the exponential of
  //         x - maximum (expf), the sum of these, and store the quotient.

  // TODO 2: Which row is this block's, and where does it start? The offset needs 64 bits.

  // TODO 3: A row may have any number of columns. Let thread t take columns t, t + blockDim.x, ... in each of
  //         the three passes: maximum, sum, store. What does a thread without columns contribute?

  // TODO 4: A masked row contains only -inf, and must become zeros. What is -inf - -inf? And 0 / 0?
}

__global__ void softmax_backward_kernel(const float* dy,  // (rows, columns)
                                        const float* y,   // (rows, columns)
                                        float* dx,        // (rows, columns)
                                        int columns) {
  // TODO 6: Sum dy * y over the row, then store y * (dy - sum).
}

void softmax_forward_starter(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  softmax_kernel<<<rows, kThreads, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

void softmax_backward_starter(const float* dy, const float* y, float* dx, int rows, int columns,
                              cudaStream_t stream) {
  check_softmax_backward(dy, y, dx, rows, columns);
  softmax_backward_kernel<<<rows, kThreads, 0, stream>>>(dy, y, dx, columns);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxForward, starter, softmax_forward_starter);
WB_REGISTER(SoftmaxBackward, starter, softmax_backward_starter);

}  // namespace wb
