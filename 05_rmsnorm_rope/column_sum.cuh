// The sum down each column of a strip of a matrix.
//
// A warp reads 32 neighboring columns of one row, so the loads coalesce; each of 32 warps takes every 32nd
// row, and the warps combine their sums in shared memory once, at the end. The order is always the same, so
// every run gives the same sum.
#pragma once

#include <cuda_runtime.h>

namespace wb {

inline constexpr int kStripColumns = 32;
inline constexpr int kStripRows = 32;

/// Call once, from all threads of a block of dim3(kStripColumns, kStripRows): the sum of `value` over
/// threadIdx.y, in the threads with threadIdx.y == 0; the others get a part of it.
__device__ inline float sum_over_strip_rows(float value) {
  __shared__ float of_row[kStripRows][kStripColumns];
  of_row[threadIdx.y][threadIdx.x] = value;
  __syncthreads();
  if (threadIdx.y == 0) {
    for (int row = 1; row < kStripRows; ++row) value += of_row[row][threadIdx.x];
  }
  return value;
}

}  // namespace wb
