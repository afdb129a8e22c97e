// What the mutants of matmul share: right reads of op(A) and op(B), and the grid. Each
// mutant then makes one mistake.
#pragma once

#include <cstdint>

#include "02_matmul/matmul.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb::mutant {

inline constexpr int kTile = 16;

// Element [row][p] of op(A); 0 outside.
inline __device__ float from_a(MatmulLayout layout, const float* a, int row, int p, int m, int k) {
  if (row >= m || p >= k) return 0.0f;
  return layout == MatmulLayout::kTN ? a[static_cast<std::int64_t>(p) * m + row]
                                     : a[static_cast<std::int64_t>(row) * k + p];
}

// Element [p][column] of op(B); 0 outside.
inline __device__ float from_b(MatmulLayout layout, const float* b, int p, int column, int k, int n) {
  if (p >= k || column >= n) return 0.0f;
  return layout == MatmulLayout::kNT ? b[static_cast<std::int64_t>(column) * k + p]
                                     : b[static_cast<std::int64_t>(p) * n + column];
}

// beta * c, which is not read when beta is 0.
inline __device__ float old(float beta, const float* c) {
  return beta == 0.0f ? 0.0f : beta * *c;
}

// The first row and column of this block's tile.
inline __device__ int tile_row(int n) {
  return static_cast<int>(blockIdx.x) / ((n + kTile - 1) / kTile) * kTile;
}
inline __device__ int tile_column(int n) {
  return static_cast<int>(blockIdx.x) % ((n + kTile - 1) / kTile) * kTile;
}

inline unsigned tiles(int m, int n) {
  return static_cast<unsigned>(((m + kTile - 1) / kTile) * ((n + kTile - 1) / kTile));
}

}  // namespace wb::mutant
