// The sum over a row of threads, in blocks that process several rows at once.
#pragma once

#include <cuda_runtime.h>

#include "03_softmax/block_reduce.cuh"

namespace wb {

/// The sum of `value` over threadIdx.x, which every thread of that row gets, with the same bits. Call it from
/// all threads of a block of dim3(a multiple of 32, any number of rows): it is block_sum of chapter 03, row
/// by row.
__device__ inline float sum_of_row(float value) {
  __shared__ float of_warp[kMaxWarps];
  const int warps = static_cast<int>(blockDim.x) / kWarp;  // of a row
  const int first = static_cast<int>(threadIdx.y) * warps;
  value = warp_reduce(value, Sum{});
  // The call before this one may still be reading of_warp.
  __syncthreads();
  if (threadIdx.x % kWarp == 0) of_warp[first + static_cast<int>(threadIdx.x) / kWarp] = value;
  __syncthreads();
  value = of_warp[first];
  for (int warp = 1; warp < warps; ++warp) value += of_warp[first + warp];
  return value;
}

}  // namespace wb
