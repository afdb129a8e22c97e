// Softmax and its gradient as plain loops in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace wb {

inline std::vector<double> softmax_oracle(std::span<const double> x,  // (rows, columns)
                                          int rows, int columns) {
  const auto width = static_cast<std::size_t>(columns);
  std::vector<double> y(x.size());
  for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
    const auto in = x.subspan(row * width, width);
    const double maximum = *std::max_element(in.begin(), in.end());
    if (maximum == -std::numeric_limits<double>::infinity()) continue;  // nothing but -inf: zeros
    double sum = 0.0;
    for (const double value : in) sum += std::exp(value - maximum);
    for (std::size_t c = 0; c < width; ++c) y[row * width + c] = std::exp(in[c] - maximum) / sum;
  }
  return y;
}

inline std::vector<double> softmax_backward_oracle(std::span<const double> dy,  // (rows, columns)
                                                   std::span<const double> y,   // (rows, columns)
                                                   int rows, int columns) {
  const auto width = static_cast<std::size_t>(columns);
  std::vector<double> dx(dy.size());
  for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
    const std::size_t start = row * width;
    double dot = 0.0;
    for (std::size_t i = start; i < start + width; ++i) dot += dy[i] * y[i];
    for (std::size_t i = start; i < start + width; ++i) dx[i] = y[i] * (dy[i] - dot);
  }
  return dx;
}

}  // namespace wb
