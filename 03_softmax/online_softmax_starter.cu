// Your turn: the log-sum-exp of each row, reading it once. README.md is the lesson; hints.md has hints.
//
// Do one TODO at a time, and check after each:
//
//     ./workbook check 03 online_softmax
//
// One block owns one row; each thread takes columns threadIdx.x, threadIdx.x + blockDim.x, ... The launcher
// is complete.
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/online_softmax.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;  // threads of a block

struct Running {
  float maximum;  // of the values seen; -inf if there are none
  float sum;      // of exp(value - maximum)
};

// What a and b have seen together.
[[maybe_unused]] __device__ Running merge(Running a, Running b) {
  // TODO 1: The maximum is the larger one. Each sum was taken relative to its own maximum: by which factor is
  //         it to be multiplied, to be relative to the new one?

  // TODO 4: What if both maxima are -inf? -inf - -inf is NaN.
  return a;
}

__global__ void online_softmax_kernel(const float* x,  // (rows, columns)
                                      float* lse,      // (rows)
                                      int columns) {
  // TODO 2: Begin with maximum -inf and sum 0, and go over your columns of this block's row. A single value
  //         is a Running as well: {value, 1}. But NaN must not get lost in the maximum: fmaxf(m, NaN) is m.
  //         Adding exp(value - new maximum) to the rescaled sum keeps it.

  // TODO 3: Merge the pairs of the lanes of a warp, by shuffling both numbers, then those of the warps,
  //         through shared memory. One thread stores maximum + logf(sum).
}

void online_softmax_starter(const float* x, float* lse, int rows, int columns, cudaStream_t stream) {
  check_online_softmax(x, lse, rows, columns);
  online_softmax_kernel<<<rows, kThreads, 0, stream>>>(x, lse, columns);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(OnlineSoftmax, starter, online_softmax_starter);

}  // namespace wb
