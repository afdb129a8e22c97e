// Tiles of fp32 operands in shared memory, as they are stored in global memory, and the way of a result back.
//
// K-major (a of NN and NT, b of NT): a row is kDepth steps of K for one row or column of C. MN-major: a row
// is kTile rows or columns of C for one step of K. Rows are padded so that the 32 lanes of a fragment (8 rows
// or columns of C, 4 steps of K) lie in 32 banks: 4 floats where they walk along K, 8 where they walk across.
#pragma once

#include <cstdint>

#include "02_matmul/matmul.h"
#include "common/core/pack.h"

namespace wb::tf32 {

constexpr int kTile = 128;  // rows and columns of C that a block owns
constexpr int kDepth = 32;  // of a step
constexpr int kPiece = 4;   // floats in 16 bytes

__host__ __device__ constexpr bool is_mn_major_a(MatmulLayout layout) {
  return layout == MatmulLayout::kTN;
}
__host__ __device__ constexpr bool is_mn_major_b(MatmulLayout layout) {
  return layout != MatmulLayout::kNT;
}

/// A row-major matrix. `vectors`: each aligned piece of a row is 16 bytes at an address that is a multiple of
/// 16.
struct Operand {
  const float* data;  // (rows, columns)
  int rows, columns;
  bool vectors;
};

inline Operand make_operand(const float* data, int rows, int columns) {
  return {data, rows, columns, rows_fit_pack<kPiece>(columns, data)};
}

/// Four elements of a row; 0 outside the matrix.
__device__ inline float4 load_piece(const Operand& from, int row, int column) {
  if (row >= from.rows || column >= from.columns) return make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  const float* source = from.data + static_cast<std::int64_t>(row) * from.columns + column;
  if (from.vectors) return *reinterpret_cast<const float4*>(source);
  const auto at = [&](int i) { return column + i < from.columns ? source[i] : 0.0f; };
  return make_float4(at(0), at(1), at(2), at(3));
}

/// The form of a tile in shared memory.
template <bool kMnMajor>
struct Tile {
  static constexpr int kRows = kMnMajor ? kDepth : kTile;
  static constexpr int kColumns = kMnMajor ? kTile : kDepth;
  static constexpr int kStride = kColumns + (kMnMajor ? 8 : 4);
  static constexpr int kElements = kRows * kStride;

  /// Element (`extent`, `depth`): a row or column of C, and a step of K.
  __device__ static int at(int extent, int depth) {
    return kMnMajor ? depth * kStride + extent : extent * kStride + depth;
  }
  /// visit(place in the tile, row, column of the matrix) for each piece that this one of kThreads threads
  /// copies.
  template <int kThreads, class Visit>
  __device__ static void for_each_piece(int extent_start, int depth_start, Visit visit) {
    constexpr int kPerRow = kColumns / kPiece;
    static_assert(kRows * kPerRow % kThreads == 0);
#pragma unroll
    for (int i = 0; i < kRows * kPerRow / kThreads; ++i) {
      const int piece = static_cast<int>(threadIdx.x) + i * kThreads;
      const int row = piece / kPerRow, column = piece % kPerRow * kPiece;
      visit(row * kStride + column, (kMnMajor ? depth_start : extent_start) + row,
            (kMnMajor ? extent_start : depth_start) + column);
    }
  }
};

/// Where sums go.
struct Result {
  float* c;  // (M, N)
  int m, n;
  float alpha, beta;
};

/// Writes two neighbors of a row. With beta = 0, c is not read.
__device__ inline void store_pair(const Result& to, int row, int column, float first, float second) {
  if (row >= to.m || column >= to.n) return;
  float* target = to.c + static_cast<std::int64_t>(row) * to.n + column;
  const bool both = column + 1 < to.n;
  first *= to.alpha;
  second *= to.alpha;
  if (to.beta != 0.0f) {
    first += to.beta * target[0];
    if (both) second += to.beta * target[1];
  }
  if (both && reinterpret_cast<std::uintptr_t>(target) % sizeof(float2) == 0) {
    *reinterpret_cast<float2*>(target) = make_float2(first, second);
    return;
  }
  target[0] = first;
  if (both) target[1] = second;
}

/// Where this block's tile of C begins.
struct TilePlace {
  int row, column;
};
__device__ inline TilePlace place_of_block(int n) {
  const int across = (n + kTile - 1) / kTile;
  return {static_cast<int>(blockIdx.x) / across * kTile, static_cast<int>(blockIdx.x) % across * kTile};
}

}  // namespace wb::tf32
