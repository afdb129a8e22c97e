// The sum of one number from each thread of a block, by a tree in shared memory.
//
// 256 threads need eight rounds. In each round the lower half of the remaining threads adds the values of the
// upper half. The order never changes, so the same numbers give the same bits. Chapter 03 explains reductions
// and has a faster one.
#pragma once

#include <cuda_runtime.h>

namespace wb {

inline constexpr int kSumThreads = 256;  // threads of a block, a power of two

/// Call it from all kSumThreads threads of a block; every thread gets the sum. Again in the same kernel only
/// after a __syncthreads().
__device__ inline float sum_of_block(float value) {
  __shared__ float sums[kSumThreads];
  const int thread = static_cast<int>(threadIdx.x);
  sums[thread] = value;
  __syncthreads();
  for (int half = kSumThreads / 2; half > 0; half /= 2) {
    if (thread < half) sums[thread] += sums[thread + half];
    __syncthreads();
  }
  return sums[0];
}

}  // namespace wb
