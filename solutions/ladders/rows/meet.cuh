// The threads that share a row combine their partial results: in a block with one barrier, in a warp without
// one.
//
// The lanes of a warp exchange registers, each with the lane `distance` away. Then every warp stores its
// result in shared memory, and after the barrier every warp combines all results in the same way, one per
// lane. The order is fixed, and lane 0 broadcasts its result, so every thread gets the same bits in every
// run.
#pragma once

#include <cuda_runtime.h>

#include "03_softmax/block_reduce.cuh"

namespace wb::ladder {

/// What a thread knows of its row, in kCount floats.
template <int kCount>
struct Known {
  float of[kCount];
};

template <int kCount>
__device__ Known<kCount> of_neighbor(Known<kCount> mine, int distance) {
  for (float& value : mine.of) value = __shfl_xor_sync(kAllLanes, value, distance);
  return mine;
}

/// Combines groups of kLanes lanes, a power of two.
template <int kLanes, int kCount, class Combine>
__device__ Known<kCount> meet_in_warp(Known<kCount> mine, Combine combine) {
#pragma unroll
  for (int distance = kLanes / 2; distance > 0; distance /= 2) {
    mine = combine(mine, of_neighbor(mine, distance));
  }
  return mine;
}

/// What all of them know together. combine(a, b) is commutative up to rounding. Call it from all kThreads
/// threads. For repeated reductions with the same `combine`, pass `turn` 0 and 1 alternately: then one
/// barrier per reduction is enough, since no thread writes a slot before all threads have passed the
/// reduction after the one that read it.
template <int kThreads, int kCount, class Combine>
__device__ Known<kCount> meet(Known<kCount> mine, Combine combine, int turn = 0) {
  constexpr int kWarps = kThreads / kWarp;
  mine = meet_in_warp<kWarp>(mine, combine);
  if constexpr (kWarps > 1) {
    __shared__ Known<kCount> of_warp[2][kWarps];
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    if (lane == 0) of_warp[turn][threadIdx.x / kWarp] = mine;
    __syncthreads();
    mine = meet_in_warp<kWarps>(of_warp[turn][lane % kWarps], combine);
  }
  for (float& value : mine.of) value = __shfl_sync(kAllLanes, value, 0);
  return mine;
}

struct Add {
  template <int kCount>
  __device__ Known<kCount> operator()(Known<kCount> a, Known<kCount> b) const {
    for (int i = 0; i < kCount; ++i) a.of[i] += b.of[i];
    return a;
  }
};

struct Larger {
  __device__ Known<1> operator()(Known<1> a, Known<1> b) const { return {{fmaxf(a.of[0], b.of[0])}}; }
};

/// The sum over all of them.
template <int kThreads>
__device__ float meet_sum(float mine, int turn = 0) {
  return meet<kThreads>(Known<1>{{mine}}, Add{}, turn).of[0];
}

/// The largest of all of them; of a number and NaN the number.
template <int kThreads>
__device__ float meet_max(float mine) {
  return meet<kThreads>(Known<1>{{mine}}, Larger{}).of[0];
}

}  // namespace wb::ladder
