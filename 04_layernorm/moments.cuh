// Count, mean and squared deviations of some values, and how a block merges those of its threads.
//
// The caller passes `merge` for two sets of moments: that of welford.cuh, or yours in the starter.
#pragma once

#include <cuda_runtime.h>

#include "03_softmax/block_reduce.cuh"

namespace wb {

struct Moments {
  float count;    // of values
  float mean;     // of the values; 0 if there are none
  float squares;  // sum of (value - mean)^2
};

/// Those of all 32 lanes, in every lane. In each step a lane merges with the one `distance` away; both
/// compute the same merge, but with its operands exchanged, so last bits may differ between lanes.
template <class Merge>
__device__ Moments warp_merge(Moments mine, Merge merge) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const Moments other = {__shfl_xor_sync(kAllLanes, mine.count, distance),
                           __shfl_xor_sync(kAllLanes, mine.mean, distance),
                           __shfl_xor_sync(kAllLanes, mine.squares, distance)};
    mine = merge(mine, other);
  }
  return mine;
}

/// The moments of all threads' values together, the same bits in every thread. Call it from all threads of a
/// one-dimensional block whose size is a multiple of 32. First the lanes of each warp meet in registers, then
/// the warps: through shared memory every warp gets the moments of all, one a lane, and merges them as it did
/// its own. One after the other, 32 merges would keep everybody waiting: each divides, and needs the one
/// before.
template <class Merge>
__device__ Moments block_merge(Moments mine, Merge merge) {
  __shared__ float counts[kMaxWarps], means[kMaxWarps], squares[kMaxWarps];
  mine = warp_merge(mine, merge);
  // The call before this one may still be reading.
  __syncthreads();
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  if (lane == 0) {
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    counts[warp] = mine.count;
    means[warp] = mine.mean;
    squares[warp] = mine.squares;
  }
  __syncthreads();
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  Moments all = {0.0f, 0.0f, 0.0f};
  if (lane < warps) all = {counts[lane], means[lane], squares[lane]};
  all = warp_merge(all, merge);
  return {__shfl_sync(kAllLanes, all.count, 0), __shfl_sync(kAllLanes, all.mean, 0),
          __shfl_sync(kAllLanes, all.squares, 0)};
}

}  // namespace wb
