// Matrix product as a plain loop in double, and its operands in any layout.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "02_matmul/matmul.h"
#include "common/core/parallel_ranges.h"

namespace wb {

/// a (M, K) times b (K, N), neither transposed.
inline std::vector<double> matmul_oracle(std::span<const float> a,  // (M, K)
                                         std::span<const float> b,  // (K, N)
                                         int m, int n, int k) {
  const auto width = static_cast<std::size_t>(n), depth = static_cast<std::size_t>(k);
  std::vector<double> c(static_cast<std::size_t>(m) * width);
  // A thread for a few milliseconds at least.
  const std::size_t least = (std::size_t{1} << 24) / std::max<std::size_t>(width * depth, 1);
  parallel_ranges(static_cast<std::size_t>(m), least, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      // Columns innermost: the sum over K is the same, and rows of b are read in order.
      double* out = c.data() + row * width;
      for (std::size_t p = 0; p < depth; ++p) {
        const double factor = a[row * depth + p];
        const float* from_b = b.data() + p * width;
        for (std::size_t column = 0; column < width; ++column) out[column] += factor * from_b[column];
      }
    }
  });
  return c;
}

inline std::vector<float> transposed(std::span<const float> matrix, int rows, int columns) {
  const auto height = static_cast<std::size_t>(rows), width = static_cast<std::size_t>(columns);
  std::vector<float> result(matrix.size());
  for (std::size_t row = 0; row < height; ++row) {
    for (std::size_t column = 0; column < width; ++column) {
      result[column * height + row] = matrix[row * width + column];
    }
  }
  return result;
}

/// a (M, K) as `layout` stores it.
inline std::vector<float> stored_a(MatmulLayout layout, const std::vector<float>& a, int m, int k) {
  return layout == MatmulLayout::kTN ? transposed(a, m, k) : a;
}

/// b (K, N) as `layout` stores it.
inline std::vector<float> stored_b(MatmulLayout layout, const std::vector<float>& b, int k, int n) {
  return layout == MatmulLayout::kNT ? transposed(b, k, n) : b;
}

}  // namespace wb
