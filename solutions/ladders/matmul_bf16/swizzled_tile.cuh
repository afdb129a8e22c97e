// Tiles of an operand in shared memory, and how they get there.
//
// A tile has rows of 64 bf16, which is 128 bytes. Piece p (16 bytes) of row r lies at place p XOR r % 8 of
// the row: neither the copy, which writes along rows, nor ldmatrix, which reads one piece of eight rows,
// meets a bank conflict. TMA and wgmma know the same arrangement as the swizzle of 128 bytes.
//
// Rows and columns are those of global memory, whatever the layout. K-major (a of NN and NT, b of NT): a row
// is 64 steps of K for one row or column of C, one chunk. MN-major: a row is 64 rows or columns of C for one
// step of K; a tile wider than 64 is several chunks.
#pragma once

#include <cstdint>

#include "02_matmul/matmul.h"
#include "common/core/bf16.h"
#include "common/core/pack.h"

namespace wb {

constexpr int kTileColumns = 64;                   // bf16 in a row of a chunk
constexpr int kPiece = 8;                          // bf16 in 16 bytes
constexpr int kChunkElements = 64 * kTileColumns;  // of an MN-major chunk: 64 steps of K

__host__ __device__ constexpr bool is_mn_major_a(MatmulLayout layout) {
  return layout == MatmulLayout::kTN;
}
__host__ __device__ constexpr bool is_mn_major_b(MatmulLayout layout) {
  return layout != MatmulLayout::kNT;
}

/// Where the piece that holds column `column`, a multiple of 8, of row `row` begins; in elements.
__device__ inline int swizzled(int row, int column) {
  return row * kTileColumns + ((column / kPiece) ^ (row % 8)) * kPiece;
}

/// A row-major matrix in global memory. `vectors`: each aligned piece of a row is 16 bytes at an address that
/// is a multiple of 16.
struct Operand {
  const bf16* data;  // (rows, columns)
  int rows;
  int columns;
  bool vectors;
};

inline Operand make_operand(const bf16* data, int rows, int columns) {
  return {data, rows, columns, rows_fit_pack<kPiece>(columns, data)};
}

/// Eight elements of a row; 0 outside the matrix.
__device__ inline uint4 load_piece(const Operand& from, int row, int column) {
  uint4 piece = make_uint4(0, 0, 0, 0);
  if (row >= from.rows || column >= from.columns) return piece;
  const bf16* source = from.data + static_cast<std::int64_t>(row) * from.columns + column;
  if (from.vectors) return *reinterpret_cast<const uint4*>(source);
  bf16 values[kPiece];
#pragma unroll
  for (int i = 0; i < kPiece; ++i) values[i] = column + i < from.columns ? source[i] : bf16(0.0f);
  return *reinterpret_cast<const uint4*>(values);
}

/// The place of each piece of a tile that kThreads threads copy: kExtent rows or columns of C, 64 steps of K.
/// visit(shared element, row, column) is called for the pieces of this thread.
template <bool kMnMajor, int kExtent, int kThreads, class Visit>
__device__ void for_each_piece(int extent_start, int depth_start, Visit visit) {
  constexpr int kPieces = kExtent * kTileColumns / kPiece;
  static_assert(kPieces % kThreads == 0);
#pragma unroll
  for (int i = 0; i < kPieces / kThreads; ++i) {
    const int piece = static_cast<int>(threadIdx.x) + i * kThreads;
    const int row = piece / (kTileColumns / kPiece);
    const int column = piece % (kTileColumns / kPiece) * kPiece;
    if constexpr (kMnMajor) {  // chunk after chunk
      visit(swizzled(row, column), depth_start + row % 64, extent_start + row / 64 * kTileColumns + column);
    } else {
      visit(swizzled(row, column), extent_start + row, depth_start + column);
    }
  }
}

}  // namespace wb
