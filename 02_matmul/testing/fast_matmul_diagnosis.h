// What a wrong product proves about the kernel of fast_matmul that computed it.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "02_matmul/testing/matmul_oracle.h"
#include "common/harness/matcher.h"

namespace wb {

/// The sums of those products for which `counts(row, column, depth)` is true.
template <class Counts>
std::vector<double> part_of_product(std::span<const float> a, std::span<const float> b, int m, int n, int k,
                                    Counts counts) {
  std::vector<double> c;
  for (int row = 0; row < m; ++row) {
    for (int column = 0; column < n; ++column) {
      double sum = 0;
      for (int p = 0; p < k; ++p) {
        if (!counts(row, column, p)) continue;
        sum += static_cast<double>(a[static_cast<std::size_t>(row * k + p)]) *
               b[static_cast<std::size_t>(p * n + column)];
      }
      c.push_back(sum);
    }
  }
  return c;
}

/// A sentence, or "" where nothing is proved. For small products.
inline std::string explain_fast_matmul(std::span<const float> got, std::span<const float> a,
                                       std::span<const float> b, int m, int n, int k) {
  constexpr int kTile = 64, kDepth = 8, kRows = 8, kColumns = 4;
  const auto part = [&](auto counts) { return part_of_product(a, b, m, n, k, counts); };
  const int last_step = (k - 1) / kDepth * kDepth;
  if (k > kDepth && looks_like(got, part([&](int, int, int p) { return p >= last_step; })))
    return "\n  matmul: these are the products of the last step of K alone: the sums begin at 0 before the "
           "first step, and not in each of them";
  if (looks_like(got, part([&](int, int, int p) { return p % kDepth == kDepth - 1 && p >= last_step; })))
    return "\n  matmul: this is the product of the last depth alone: sums are added to with +=";
  if (looks_like(got, part([&](int, int, int p) { return p % kDepth == 0; })))
    return "\n  matmul: only the first depth of each tile was multiplied: a tile has 8 of them";
  const auto repeated = [&](int rows, int columns) {
    const std::vector<double> right = part([](int, int, int) { return true; });
    std::vector<double> suspect;
    for (int row = 0; row < m; ++row) {
      for (int column = 0; column < n; ++column)
        suspect.push_back(
            right[static_cast<std::size_t>(row / rows * rows * n + column / columns * columns)]);
    }
    return looks_like(got, suspect);
  };
  if (repeated(kRows, 1))
    return "\n  matmul: the 8 rows of a thread are all equal to its first: read 8 values of a_tile";
  if (repeated(1, kColumns))
    return "\n  matmul: the 4 columns of a thread are all equal to its first: read 4 values of b_tile";
  // Sums past the end of a row are 0, and are stored to the first columns of the next row, before or after
  // the block to which those belong stores them.
  const std::vector<double> right = part([](int, int, int) { return true; });
  const int past_the_end = (kTile - n % kTile) % kTile;
  std::vector<double> suspect = right;
  for (int i = n; i < m * n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (i % n < past_the_end && got[at] == 0) suspect[at] = 0;
  }
  if (suspect != right && looks_like(got, suspect))
    return "\n  matmul: the first columns of rows are overwritten with sums of the row before, from columns "
           "past the end of C: check the column, too, before a store";
  return "";
}

}  // namespace wb
