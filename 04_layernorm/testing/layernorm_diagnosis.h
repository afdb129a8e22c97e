// What a wrong result of this chapter looks like it was computed from. Tests append it to a failure.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "04_layernorm/testing/layernorm_oracle.h"
#include "common/harness/matcher.h"

namespace wb {

/// Names the mistake behind mean, rstd or y of a forward pass over x; empty where none of those known fits.
inline std::string explain_layernorm(std::span<const float> y, std::span<const float> mean,
                                     std::span<const float> rstd, std::span<const double> x,
                                     std::span<const double> gamma, std::span<const double> beta, int n,
                                     int c, double epsilon) {
  const auto expected = layernorm_oracle(x, gamma, beta, n, c, epsilon);
  const auto rows = static_cast<std::size_t>(n), width = static_cast<std::size_t>(c);
  std::vector<double> bare(rows), outside(rows), unbiased(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    const double variance = 1.0 / (expected.rstd[row] * expected.rstd[row]) - epsilon;
    bare[row] = 1.0 / std::sqrt(variance);
    outside[row] = 1.0 / (std::sqrt(variance) + epsilon);
    unbiased[row] = 1.0 / std::sqrt(variance * c / std::max(c - 1, 1) + epsilon);
  }
  // Where epsilon is small beside the variance, leaving it out shows in the sixth digit only.
  const auto is = [&](const std::vector<double>& suspect) {
    return bool(matches(rstd, suspect, {0.0, 2e-6})) && !matches(rstd, expected.rstd, {0.0, 3e-6});
  };
  if (is(bare)) return "looks like: epsilon is not added to the variance";
  if (is(outside)) return "looks like: epsilon is added to the root of the variance, not under it";
  if (is(unbiased)) return "looks like: the variance divides by C - 1, not by C";

  std::vector<double> by_column(x.size()), as_saved(x.size());
  for (std::size_t i = 0; i < width; ++i) {
    double sum = 0.0, squares = 0.0;
    for (std::size_t row = 0; row < rows; ++row) sum += x[row * width + i];
    for (std::size_t row = 0; row < rows; ++row) squares += std::pow(x[row * width + i] - sum / n, 2);
    const double column_rstd = 1.0 / std::sqrt(squares / n + epsilon);
    for (std::size_t row = 0; row < rows; ++row) {
      const std::size_t at = row * width + i;
      by_column[at] = (x[at] - sum / n) * column_rstd * gamma[i] + beta[i];
      as_saved[at] =
          (x[at] - static_cast<double>(mean[row])) * static_cast<double>(rstd[row]) * gamma[i] + beta[i];
    }
  }
  if (looks_like(y, by_column)) {
    return "looks like: mean and spread are those of a column (over N), not of a row (over C)";
  }
  // Where y is NaN, most often unwritten, it was not made from another rstd.
  const bool has_nan = std::any_of(y.begin(), y.end(), [](float value) { return std::isnan(value); });
  if (!has_nan && !looks_like(y, as_saved)) {
    return "looks like: not all of y was made from the saved mean and rstd. If threads of a block got "
           "different ones, "
           "it is a race: a missing __syncthreads() around what they share";
  }
  return "";
}

/// The same for dx of a backward pass.
inline std::string explain_layernorm_dx(std::span<const float> dx, std::span<const double> dy,
                                        std::span<const double> gamma, std::span<const double> rstd) {
  std::vector<double> constants(dx.size());
  for (std::size_t i = 0; i < dx.size(); ++i) {
    constants[i] = rstd[i / gamma.size()] * dy[i] * gamma[i % gamma.size()];
  }
  if (!looks_like(dx, constants)) return "";
  return "looks like: dx = rstd * g alone. mean and rstd depend on every x of the row: two terms are "
         "missing";
}

/// The same for dgamma, of which `expected` is right.
inline std::string explain_layernorm_dgamma(std::span<const float> dgamma, std::span<const double> expected,
                                            std::span<const double> dy, std::span<const double> mean,
                                            std::span<const double> rstd) {
  std::vector<double> uncentered(expected.begin(), expected.end());
  for (std::size_t i = 0; i < dy.size(); ++i) {
    const std::size_t row = i / dgamma.size();
    uncentered[i % dgamma.size()] += dy[i] * mean[row] * rstd[row];
  }
  if (!looks_like(dgamma, uncentered)) return "";
  return "looks like: xhat = x * rstd. The mean is not subtracted";
}

}  // namespace wb
