// What every tiled kernel of windowed attention, also the starter's, adds to attention_tiles.cuh: the names
// of two encodings, heads of contiguous tensors, and functions that store registers in shared memory for
// other threads.
#pragma once

#include "06_flash_attention/attention_tiles.cuh"
#include "06_flash_attention/windowed_attention.h"

namespace wb::windowed {

using namespace flash;

enum Encoding { kNear, kFar, kEncodings };

/// The table of one encoding.
struct Rotation {
  const float* cosine;  // (T, D/2)
  const float* sine;    // (T, D/2)
};
__device__ inline Rotation rotation_of(const BlendedRope& rope, int encoding) {
  return encoding == kNear ? Rotation{rope.near_cosine, rope.near_sine}
                           : Rotation{rope.far_cosine, rope.far_sine};
}

/// The encodings whose weight is above 0 somewhere in a tile of scores.
struct TileEncodings {
  bool used[kEncodings];

  __device__ bool both() const { return used[kNear] && used[kFar]; }
};

/// One head of one sequence of a contiguous (B, T, heads, D) tensor.
template <class T>
__device__ HeadMatrix<T> head_rows(T* tensor, const WindowedAttentionShape& shape, int heads, int b, int h) {
  const std::int64_t first = (static_cast<std::int64_t>(b) * shape.t * heads + h) * shape.d;
  return {tensor + first, static_cast<std::int64_t>(heads) * shape.d, 1};
}

/// Writes this thread's share of a tile of weights, for add_weighted_rows, where the lanes of a warp meet.
template <int kRows>
__device__ __forceinline__ void put_weights(float* weights,  // (16 kRows, kWeightStride)
                                            const float (&values)[kRows][kColumns]) {
  // What was there may still be read by the row's other lanes.
  __syncwarp();
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    float* row = weights + (threadIdx.x / kLanes + i * kGroups) * kWeightStride + threadIdx.x % kLanes;
#pragma unroll
    for (int j = 0; j < kColumns; ++j) row[j * kLanes] = values[i][j];
  }
  __syncwarp();
}

/// Puts this thread's sums over rotated rows into a tile, for store_rotated_back.
template <int kRows, int kHead>
__device__ __forceinline__ void put_sums(float* tile,  // (16 kRows, kHeadStride)
                                         const float2 (&sums)[kRows][kPairs<kHead>]) {
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    float* row = tile + (threadIdx.x / kLanes + i * kGroups) * kHeadStride<kHead>;
#pragma unroll
    for (int p = 0; p < kPairs<kHead>; ++p) {
      *reinterpret_cast<float2*>(row + (threadIdx.x % kLanes + p * kLanes) * 2) = sums[i][p];
    }
  }
}

}  // namespace wb::windowed
