// LayerNorm and its gradient as plain loops in double.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace wb {

struct LayernormResult {
  std::vector<double> y;     // (N, C)
  std::vector<double> mean;  // (N)
  std::vector<double> rstd;  // (N)
};

inline LayernormResult layernorm_oracle(std::span<const double> x,      // (N, C)
                                        std::span<const double> gamma,  // (C)
                                        std::span<const double> beta,   // (C)
                                        int n, int c, double epsilon) {
  const auto rows = static_cast<std::size_t>(n), width = static_cast<std::size_t>(c);
  LayernormResult result{std::vector<double>(x.size()), std::vector<double>(rows), std::vector<double>(rows)};
  for (std::size_t row = 0; row < rows; ++row) {
    const std::span<const double> in = x.subspan(row * width, width);
    double sum = 0.0, squares = 0.0;
    for (const double value : in) sum += value;
    const double mean = sum / c;
    for (const double value : in) squares += (value - mean) * (value - mean);
    const double rstd = 1.0 / std::sqrt(squares / c + epsilon);
    result.mean[row] = mean;
    result.rstd[row] = rstd;
    for (std::size_t i = 0; i < width; ++i) {
      result.y[row * width + i] = (in[i] - mean) * rstd * gamma[i] + beta[i];
    }
  }
  return result;
}

struct LayernormGradient {
  std::vector<double> dx;      // (N, C)
  std::vector<double> dgamma;  // (C), of this call alone
  std::vector<double> dbeta;   // (C), of this call alone
};

inline LayernormGradient layernorm_backward_oracle(std::span<const double> dy,     // (N, C)
                                                   std::span<const double> x,      // (N, C)
                                                   std::span<const double> gamma,  // (C)
                                                   std::span<const double> mean,   // (N)
                                                   std::span<const double> rstd,   // (N)
                                                   int n, int c) {
  const auto rows = static_cast<std::size_t>(n), width = static_cast<std::size_t>(c);
  LayernormGradient gradient{std::vector<double>(x.size()), std::vector<double>(width),
                             std::vector<double>(width)};
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t start = row * width;
    double sum = 0.0, dot = 0.0;
    for (std::size_t i = 0; i < width; ++i) {
      const double xhat = (x[start + i] - mean[row]) * rstd[row];
      sum += dy[start + i] * gamma[i];
      dot += dy[start + i] * gamma[i] * xhat;
      gradient.dgamma[i] += dy[start + i] * xhat;
      gradient.dbeta[i] += dy[start + i];
    }
    for (std::size_t i = 0; i < width; ++i) {
      const double xhat = (x[start + i] - mean[row]) * rstd[row];
      gradient.dx[start + i] = rstd[row] * (dy[start + i] * gamma[i] - sum / c - xhat * dot / c);
    }
  }
  return gradient;
}

}  // namespace wb
