// Count, mean and squared deviations of some values, and how a block brings those of its threads together.
//
// How two of them make one is the caller's `merge`: welford.cuh has it, and the starter asks for it.
#pragma once

#include <cuda_runtime.h>

#include "03_softmax/block_reduce.cuh"

namespace wb {

struct Moments {
  float count;    // of values
  float mean;     // of the values; 0 if there are none
  float squares;  // sum of (value - mean)^2
};

/// The moments of all threads' values together, the same bits in every thread. Call it from all threads of a
/// one-dimensional block whose size is a multiple of 32. First the lanes of each warp meet in registers, then
/// the warps in shared memory.
template <class Merge>
__device__ Moments block_merge(Moments mine, Merge merge) {
  __shared__ float counts[kMaxWarps], means[kMaxWarps], squares[kMaxWarps];
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const Moments other = {__shfl_xor_sync(kAllLanes, mine.count, distance),
                           __shfl_xor_sync(kAllLanes, mine.mean, distance),
                           __shfl_xor_sync(kAllLanes, mine.squares, distance)};
    mine = merge(mine, other);
  }
  // The call before this one may still be reading.
  __syncthreads();
  if (threadIdx.x % kWarp == 0) {
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    counts[warp] = mine.count;
    means[warp] = mine.mean;
    squares[warp] = mine.squares;
  }
  __syncthreads();
  Moments all = {counts[0], means[0], squares[0]};
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  for (int warp = 1; warp < warps; ++warp) {
    all = merge(all, Moments{counts[warp], means[warp], squares[warp]});
  }
  return all;
}

}  // namespace wb
