// Log-sum-exp of each row as plain loops in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace wb {

/// Rows must be finite or -inf, with at least one finite value each.
inline std::vector<double> online_softmax_oracle(std::span<const double> x,  // (rows, columns)
                                                 int rows, int columns) {
  const auto width = static_cast<std::size_t>(columns);
  std::vector<double> lse;
  for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
    const auto in = x.subspan(row * width, width);
    const double maximum = *std::max_element(in.begin(), in.end());
    double sum = 0.0;
    for (const double value : in) sum += std::exp(value - maximum);
    lse.push_back(maximum + std::log(sum));
  }
  return lse;
}

}  // namespace wb
