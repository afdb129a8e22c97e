// Log-sum-exp of each row in one pass: a running maximum, and a sum that is rescaled when it grows (Milakov
// and Gimelshein, 2018). One block per row; nothing but one float a row is written.
//
// Thread t takes columns t, t + blockDim.x, ... and keeps (maximum, sum), where sum = sum of
// exp(x - maximum) over what it has seen. Two such pairs merge into one: first those of the lanes of a warp,
// by shuffles, then those of the warps, through shared memory.
//
// 4 bytes an element, 2 exponentials: memory decides the speed where the loop keeps enough loads on the way,
// hence the unrolling. Read next: 06_flash_attention, which merges tiles of scores in the same way.
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/online_softmax.h"
#include "03_softmax/row_threads.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kFloatsPerThread = 8;  // in rows up to 8192 columns; more in longer ones

struct Running {
  float maximum;  // of the values seen; -inf if there are none
  float sum;      // of exp(value - maximum)
};

// What both have seen. Of two empty ones the maximum is -inf, and -inf - -inf would be NaN.
__device__ Running merge(Running a, Running b) {
  const float maximum = fmaxf(a.maximum, b.maximum);
  const float shift = maximum == -INFINITY ? 0.0f : maximum;
  return {maximum, a.sum * expf(a.maximum - shift) + b.sum * expf(b.maximum - shift)};
}

// NaN is no maximum, but stays in the sum: exp(NaN) = NaN.
__device__ Running include(Running seen, float value) {
  const float maximum = fmaxf(seen.maximum, value);
  const float shift = maximum == -INFINITY ? 0.0f : maximum;
  return {maximum, seen.sum * expf(seen.maximum - shift) + expf(value - shift)};
}

__global__ void __launch_bounds__(1024) online_softmax_kernel(const float* x,  // (rows, columns)
                                                              float* lse,      // (rows)
                                                              int columns) {
  __shared__ Running of_warp[kMaxWarps];
  const float* in = x + blockIdx.x * static_cast<std::int64_t>(columns);

  Running mine{-INFINITY, 0.0f};
#pragma unroll 8
  for (std::int64_t c = threadIdx.x; c < columns; c += blockDim.x) mine = include(mine, in[c]);

  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    mine = merge(mine, {__shfl_xor_sync(kAllLanes, mine.maximum, distance),
                        __shfl_xor_sync(kAllLanes, mine.sum, distance)});
  }
  if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = mine;
  __syncthreads();

  if (threadIdx.x != 0) return;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  for (int warp = 1; warp < warps; ++warp) mine = merge(mine, of_warp[warp]);
  lse[blockIdx.x] = mine.maximum + logf(mine.sum);
}

void online_softmax_solution(const float* x, float* lse, int rows, int columns, cudaStream_t stream) {
  check_online_softmax(x, lse, rows, columns);
  const int threads = threads_for_row(columns, kFloatsPerThread);
  online_softmax_kernel<<<rows, threads, 0, stream>>>(x, lse, columns);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(OnlineSoftmax, solution, online_softmax_solution);

}  // namespace wb
