// What every rung of this ladder needs and none is about: where an element of op(A) and op(B) lies in each
// layout, and the store of an output.
#pragma once

#include <cstdint>
#include <type_traits>

#include "02_matmul/matmul.h"
#include "common/core/check.h"

namespace wb::ladder {

/// op(A)(row, depth); 0 outside of the matrix, which adds nothing to a sum.
template <MatmulLayout kLayout>
__device__ float element_of_a(const float* a, int m, int k, int row, int depth) {
  if (row >= m || depth >= k) return 0.0f;
  return kLayout == MatmulLayout::kTN ? a[static_cast<std::int64_t>(depth) * m + row]
                                      : a[static_cast<std::int64_t>(row) * k + depth];
}

/// op(B)(depth, column); 0 outside of the matrix.
template <MatmulLayout kLayout>
__device__ float element_of_b(const float* b, int n, int k, int depth, int column) {
  if (column >= n || depth >= k) return 0.0f;
  return kLayout == MatmulLayout::kNT ? b[static_cast<std::int64_t>(column) * k + depth]
                                      : b[static_cast<std::int64_t>(depth) * n + column];
}

/// Writes one output, if it is inside of C. With beta = 0, c may hold NaN and is not read.
__device__ inline void store_output(float* c, int m, int n, int row, int column, float sum, float alpha,
                                    float beta) {
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

/// Blocks of a grid that covers C with tiles. One number, since the second dimension of a grid ends at 65535.
inline unsigned count_tiles(int m, int n, int tile_rows, int tile_columns) {
  const std::int64_t down = (static_cast<std::int64_t>(m) + tile_rows - 1) / tile_rows;
  const std::int64_t across = (static_cast<std::int64_t>(n) + tile_columns - 1) / tile_columns;
  const std::int64_t tiles = down * across;
  WB_REQUIRE(tiles <= INT32_MAX, tiles);
  return static_cast<unsigned>(tiles);
}

}  // namespace wb::ladder
