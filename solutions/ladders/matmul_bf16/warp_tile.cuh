// What a warp of 8 does with the tiles of a block: rungs 2 and 3.
//
// The block's tile of C is (128, 128); warp (w / 4, w % 4) owns (64, 32) of it: 4 x 4 fragments of (16, 8).
#pragma once

#include <cstdint>

#include "solutions/ladders/matmul_bf16/mma.cuh"
#include "solutions/ladders/matmul_bf16/store_result.cuh"
#include "solutions/ladders/matmul_bf16/swizzled_tile.cuh"

namespace wb {

template <MatmulLayout kLayout>
struct WarpTile {
  static constexpr int kDown = 4;    // fragments of 16 rows
  static constexpr int kAcross = 4;  // fragments of 8 columns

  float sums[kDown][kAcross][4] = {};

  __device__ static int row() { return static_cast<int>(threadIdx.x) / 128 * 64; }
  __device__ static int column() { return static_cast<int>(threadIdx.x) / 32 % 4 * 32; }

  // The row of 16 bytes that this lane names to ldmatrix, for the (16, 16) fragment at (extent, depth) of a
  // tile. The four (8, 8) matrices go down first for a, along K first for b.
  template <bool kMnMajor, bool kDownFirst>
  __device__ static const bf16* piece(const bf16* tile, int extent, int depth) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int matrix = lane / 8;
    extent += (kDownFirst ? matrix % 2 : matrix / 2) * 8;
    depth += (kDownFirst ? matrix / 2 : matrix % 2) * 8;
    if constexpr (kMnMajor) {
      return tile + swizzled(extent / 64 * 64 + depth + lane % 8, extent % 64);
    } else {
      return tile + swizzled(extent + lane % 8, depth);
    }
  }

  /// sums += the product of two tiles, each 128 rows or columns of C and 64 steps of K.
  __device__ void multiply_tiles(const bf16* a_tile, const bf16* b_tile) {
    constexpr bool kMnMajorA = is_mn_major_a(kLayout);
    constexpr bool kMnMajorB = is_mn_major_b(kLayout);
#pragma unroll
    for (int depth = 0; depth < 64; depth += 16) {
      std::uint32_t a[kDown][4];
      std::uint32_t b[kAcross / 2][4];
#pragma unroll
      for (int i = 0; i < kDown; ++i) {
        load_matrices<kMnMajorA>(a[i], piece<kMnMajorA, true>(a_tile, row() + 16 * i, depth));
      }
#pragma unroll
      for (int j = 0; j < kAcross / 2; ++j) {
        load_matrices<kMnMajorB>(b[j], piece<kMnMajorB, false>(b_tile, column() + 16 * j, depth));
      }
#pragma unroll
      for (int i = 0; i < kDown; ++i) {
#pragma unroll
        for (int j = 0; j < kAcross; ++j)
          multiply(sums[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
      }
    }
  }

  template <class Out>
  __device__ void store(const Result<Out>& result, int tile_row, int tile_column) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int i = 0; i < kDown; ++i) {
#pragma unroll
      for (int j = 0; j < kAcross; ++j) {
        const int to_row = tile_row + row() + 16 * i + lane / 4;
        const int to_column = tile_column + column() + 8 * j + lane % 4 * 2;
        store_pair(result, to_row, to_column, sums[i][j][0], sums[i][j][1]);
        store_pair(result, to_row + 8, to_column, sums[i][j][2], sums[i][j][3]);
      }
    }
  }
};

}  // namespace wb
