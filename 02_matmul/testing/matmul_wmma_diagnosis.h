// What a wrong product proves about the kernel of matmul_wmma that computed it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "02_matmul/testing/matmul_oracle.h"
#include "common/harness/matcher.h"

namespace wb {

/// A matrix whose parts of (16, 16) are transposed, each for itself: what a wrong layout of a fragment makes
/// of it.
template <class T>
std::vector<T> with_transposed_fragments(std::span<const T> matrix, int columns) {
  constexpr int kFragment = 16;
  std::vector<T> result;
  for (int i = 0; i < static_cast<int>(matrix.size()); ++i) {
    const int row = i / columns, column = i % columns;
    const int from_row = row / kFragment * kFragment + column % kFragment;
    const int from_column = column / kFragment * kFragment + row % kFragment;
    result.push_back(matrix[static_cast<std::size_t>(from_row * columns + from_column)]);
  }
  return result;
}

/// A matrix (rows, columns) whose parts of (16, 16) are loaded with `ldm` elements from one row to the next
/// in place of `columns`. Empty if that reads past its end.
inline std::vector<float> with_leading_dimension(std::span<const float> matrix, int columns, int ldm) {
  constexpr int kFragment = 16;
  std::vector<float> result;
  for (int i = 0; i < static_cast<int>(matrix.size()); ++i) {
    const int row = i / columns, column = i % columns;
    const auto from =
        static_cast<std::size_t>((row - row % kFragment) * columns + row % kFragment * ldm + column);
    if (from >= matrix.size()) return {};
    result.push_back(matrix[from]);
  }
  return result;
}

/// What a wrong product `got` (m, n) of a (m, k) and b (k, n) proves: a sentence, or "". For small products.
inline std::string explain_matmul_wmma(std::span<const float> got, std::span<const float> a,
                                       std::span<const float> b, int m, int n, int k) {
  constexpr int kFragment = 16, kDepth = 64;
  const std::vector<float> a_turned = with_transposed_fragments(a, k),
                           b_turned = with_transposed_fragments(b, n);
  if (looks_like(got, matmul_oracle(a_turned, b, m, n, k)))
    return "\n  matmul: the fragments of A are transposed: its rows are contiguous in memory, so its layout "
           "is row_major";
  if (looks_like(got, matmul_oracle(a, b_turned, m, n, k)))
    return "\n  matmul: the fragments of B are transposed: its rows are contiguous in memory, so its layout "
           "is row_major";
  const std::vector<float> b_strided = k == n ? std::vector<float>() : with_leading_dimension(b, n, k);
  if (!b_strided.empty() && looks_like(got, matmul_oracle(a, b_strided, m, n, k)))
    return "\n  matmul: the fragments of B are loaded with ldm = K: a row of B has N elements, so ldm is N";
  const std::vector<double> right = matmul_oracle(a, b, m, n, k);
  if (looks_like(got, with_transposed_fragments(std::span<const double>(right), n)))
    return "\n  matmul: the fragments of C are transposed: store them with mem_row_major";

  // The product of columns `from` to K of A and rows `from` to K of B.
  const auto last_part = [&](int from) {
    std::vector<float> part(a.begin(), a.end());
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (static_cast<int>(i) % k < from) part[i] = 0;
    }
    return matmul_oracle(part, b, m, n, k);
  };
  if (k > kFragment && looks_like(got, last_part(k - kFragment)))
    return "\n  matmul: this is the product of the last 16 of K alone: the sums are set to zero once, before "
           "the loop, and mma_sync(sums, a, b, sums) adds to them";
  const int last_step = (k - 1) / kDepth * kDepth;
  if (last_step > 0 && looks_like(got, last_part(last_step)))
    return "\n  matmul: this is the product of the last step of K alone: the sums are set to zero once, "
           "before the first step";
  return "";
}

}  // namespace wb
