// RMSNorm and its gradient as plain loops in double.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace wb {

struct RmsnormResult {
  std::vector<double> y;     // (N, C)
  std::vector<double> rstd;  // (N)
};

inline RmsnormResult rmsnorm_oracle(std::span<const double> x,       // (N, C)
                                    std::span<const double> weight,  // (C)
                                    int n, int c, double epsilon) {
  const auto rows = static_cast<std::size_t>(n), width = static_cast<std::size_t>(c);
  RmsnormResult result{std::vector<double>(x.size()), std::vector<double>(rows)};
  for (std::size_t row = 0; row < rows; ++row) {
    double squares = 0.0;
    for (std::size_t i = row * width; i < (row + 1) * width; ++i) squares += x[i] * x[i];
    result.rstd[row] = 1.0 / std::sqrt(squares / c + epsilon);
    for (std::size_t i = 0; i < width; ++i) {
      result.y[row * width + i] = x[row * width + i] * result.rstd[row] * weight[i];
    }
  }
  return result;
}

struct RmsnormGradient {
  std::vector<double> dx;       // (N, C)
  std::vector<double> dweight;  // (C), of this call alone
};

inline RmsnormGradient rmsnorm_backward_oracle(std::span<const double> dy,      // (N, C)
                                               std::span<const double> x,       // (N, C)
                                               std::span<const double> weight,  // (C)
                                               std::span<const double> rstd,    // (N)
                                               int n, int c) {
  const auto rows = static_cast<std::size_t>(n), width = static_cast<std::size_t>(c);
  RmsnormGradient gradient{std::vector<double>(x.size()), std::vector<double>(width)};
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t start = row * width;
    double dot = 0.0;
    for (std::size_t i = 0; i < width; ++i) {
      dot += dy[start + i] * weight[i] * x[start + i];
      gradient.dweight[i] += dy[start + i] * x[start + i] * rstd[row];
    }
    const double factor = dot * rstd[row] * rstd[row] / c;
    for (std::size_t i = 0; i < width; ++i) {
      gradient.dx[start + i] = rstd[row] * (dy[start + i] * weight[i] - x[start + i] * factor);
    }
  }
  return gradient;
}

}  // namespace wb
