// What every rung of this ladder needs and none is about: where an element of op(A) and op(B) lies in each
// layout, how a tile gets into shared memory, and the store of an output.
#pragma once

#include <cstdint>
#include <type_traits>

#include "02_matmul/matmul.h"
#include "common/core/check.h"

namespace wb::ladder {

/// Whether neighbors in memory differ in depth, their index along K: op(A) is stored as (M, K), op(B) as (N,
/// K). Otherwise depth is the row: (K, M), (K, N).
template <MatmulLayout kLayout>
inline constexpr bool kDepthInRowsOfA = kLayout != MatmulLayout::kTN;
template <MatmulLayout kLayout>
inline constexpr bool kDepthInRowsOfB = kLayout == MatmulLayout::kNT;

/// The element at `place` (a row of op(A), or a column of op(B)) and `depth`; 0 outside of the matrix, which
/// adds nothing to a sum. `extent`: M or N.
template <bool kDepthInRows>
__device__ float element(const float* matrix, int extent, int k, int place, int depth) {
  if (place >= extent || depth >= k) return 0.0f;
  return kDepthInRows ? matrix[static_cast<std::int64_t>(place) * k + depth]
                      : matrix[static_cast<std::int64_t>(depth) * extent + place];
}

/// Four neighbors in memory from (place, depth) on. `vectors`: the matrix is aligned to 16 bytes, and its
/// rows hold a multiple of 4 elements.
template <bool kDepthInRows>
__device__ float4 four_elements(const float* matrix, int extent, int k, int place, int depth, bool vectors) {
  if (vectors) {
    if (place >= extent || depth >= k) return make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    const std::int64_t offset = kDepthInRows ? static_cast<std::int64_t>(place) * k + depth
                                             : static_cast<std::int64_t>(depth) * extent + place;
    return *reinterpret_cast<const float4*>(matrix + offset);
  }
  constexpr int kDown = kDepthInRows ? 1 : 0, kAlong = 1 - kDown;
  return make_float4(element<kDepthInRows>(matrix, extent, k, place, depth),
                     element<kDepthInRows>(matrix, extent, k, place + kAlong, depth + kDown),
                     element<kDepthInRows>(matrix, extent, k, place + 2 * kAlong, depth + 2 * kDown),
                     element<kDepthInRows>(matrix, extent, k, place + 3 * kAlong, depth + 3 * kDown));
}

/// Copies a tile into shared memory with depth outermost, element by element. Neighboring threads read
/// neighbors.
template <int kTile, int kDepth, int kThreads, bool kDepthInRows, int kStride>
__device__ void load_tile(float (*tile)[kStride],  // (kDepth, kStride)
                          const float* matrix, int extent, int k, int start, int depth_start) {
  static_assert(kTile * kDepth % kThreads == 0);
#pragma unroll
  for (int part = 0; part < kTile * kDepth / kThreads; ++part) {
    const int slot = static_cast<int>(threadIdx.x) + part * kThreads;
    const int place = kDepthInRows ? slot / kDepth : slot % kTile;
    const int depth = kDepthInRows ? slot % kDepth : slot / kTile;
    tile[depth][place] = element<kDepthInRows>(matrix, extent, k, start + place, depth_start + depth);
  }
}

/// The same by four elements at a time.
template <int kTile, int kDepth, int kThreads, bool kDepthInRows, int kStride>
__device__ void load_tile4(float (*tile)[kStride],  // (kDepth, kStride)
                           const float* matrix, int extent, int k, int start, int depth_start, bool vectors) {
  constexpr int kPerRow = (kDepthInRows ? kDepth : kTile) / 4;
  static_assert(kTile * kDepth % (4 * kThreads) == 0 && kStride % 4 == 0);
#pragma unroll
  for (int part = 0; part < kTile * kDepth / (4 * kThreads); ++part) {
    const int slot = static_cast<int>(threadIdx.x) + part * kThreads;
    const int place = kDepthInRows ? slot / kPerRow : slot % kPerRow * 4;
    const int depth = kDepthInRows ? slot % kPerRow * 4 : slot / kPerRow;
    const float4 four =
        four_elements<kDepthInRows>(matrix, extent, k, start + place, depth_start + depth, vectors);
    if (kDepthInRows) {
      tile[depth + 0][place] = four.x;
      tile[depth + 1][place] = four.y;
      tile[depth + 2][place] = four.z;
      tile[depth + 3][place] = four.w;
    } else {
      *reinterpret_cast<float4*>(&tile[depth][place]) = four;
    }
  }
}

/// Whether 16-byte accesses of a matrix are legal that start at a multiple of 4 within a row.
__device__ __host__ inline bool allows_vectors(const float* matrix, int row_length) {
  return row_length % 4 == 0 && reinterpret_cast<std::uintptr_t>(matrix) % sizeof(float4) == 0;
}

/// Writes one output, if it is inside of C. With beta = 0, c may hold NaN and is not read.
__device__ inline void store_output(float* c,  // (M, N)
                                    int m, int n, int row, int column, float sum, float alpha, float beta) {
  if (row >= m || column >= n) return;
  float* target = c + static_cast<std::int64_t>(row) * n + column;
  *target = beta == 0.0f ? alpha * sum : alpha * sum + beta * *target;
}

/// Calls `launch` with the layout as a type, so that a kernel can be compiled for each layout.
template <class Launch>
void with_layout(MatmulLayout layout, Launch launch) {
  switch (layout) {
    case MatmulLayout::kNN:
      return launch(std::integral_constant<MatmulLayout, MatmulLayout::kNN>());
    case MatmulLayout::kNT:
      return launch(std::integral_constant<MatmulLayout, MatmulLayout::kNT>());
    case MatmulLayout::kTN:
      return launch(std::integral_constant<MatmulLayout, MatmulLayout::kTN>());
  }
}

/// Where a block has its tile of C. Neighboring blocks own neighboring tiles of one row of C.
struct TilePlace {
  int row, column;
};
template <int kTileM, int kTileN>
__device__ TilePlace place_of(int block, int n) {
  const int across = (n + kTileN - 1) / kTileN;
  return {block / across * kTileM, block % across * kTileN};
}

/// Blocks of a grid that covers C with tiles. One number, since the second dimension of a grid ends at 65535.
inline unsigned count_tiles(int m, int n, int tile_rows, int tile_columns) {
  const std::int64_t down = (static_cast<std::int64_t>(m) + tile_rows - 1) / tile_rows;
  const std::int64_t across = (static_cast<std::int64_t>(n) + tile_columns - 1) / tile_columns;
  const std::int64_t tiles = down * across;
  WB_REQUIRE(tiles <= INT32_MAX, tiles);
  return static_cast<unsigned>(tiles);
}

}  // namespace wb::ladder
