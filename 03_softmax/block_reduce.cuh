// Sum and maximum over all threads of a block. Every thread gets the result.
//
// First the 32 threads of each warp exchange registers: lane l adds lane l ^ 16, then l ^ 8, ... after five
// shuffles every lane holds the warp's result, without shared memory and without a barrier. Then each warp
// stores its result in shared memory, and every thread combines these few results in the same order. All
// threads get the same bits, in every run.
//
// Call these from all threads of a one-dimensional block whose size is a multiple of 32.
#pragma once

#include <cuda_runtime.h>

namespace wb {

inline constexpr int kWarp = 32;
inline constexpr int kMaxWarps = 1024 / kWarp;
inline constexpr unsigned kAllLanes = 0xffffffffu;

struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};

/// fmaxf: of a number and NaN it returns the number.
struct Maximum {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

template <class Combine>
__device__ float warp_reduce(float value, Combine combine) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    value = combine(value, __shfl_xor_sync(kAllLanes, value, distance));
  }
  return value;
}

template <class Combine>
__device__ float block_reduce(float value, Combine combine) {
  __shared__ float of_warp[kMaxWarps];
  value = warp_reduce(value, combine);
  // The call before this one may still be reading of_warp.
  __syncthreads();
  if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = value;
  __syncthreads();
  value = of_warp[0];
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  for (int warp = 1; warp < warps; ++warp) value = combine(value, of_warp[warp]);
  return value;
}

__device__ inline float block_sum(float value) {
  return block_reduce(value, Sum{});
}
__device__ inline float block_max(float value) {
  return block_reduce(value, Maximum{});
}

}  // namespace wb
