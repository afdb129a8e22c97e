// What a wrong result of RMSNorm looks like it was computed from. Tests append it to a failure.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "05_rmsnorm_rope/testing/rmsnorm_oracle.h"
#include "common/harness/matcher.h"

namespace wb {

/// Which threads' squares rstd holds where it does not hold all of them; empty where that does not fit.
inline std::string explain_missing_squares(std::span<const float> rstd, std::span<const double> x, int n,
                                           int c, double epsilon) {
  const auto width = static_cast<std::size_t>(c);
  // rstd of those columns of each row that `counts` lets in.
  const auto is_of = [&](auto counts) {
    std::vector<double> suspect(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (counts(i % width)) suspect[i / width] += x[i] * x[i] / c;
    }
    for (double& value : suspect) value = 1.0 / std::sqrt(value + epsilon);
    return bool(matches(rstd, suspect, {0.0, 2e-6}));
  };
  for (std::size_t threads = 32; threads <= 1024; threads += 32) {
    if (is_of([&](std::size_t column) { return column % threads == 0; })) {
      return "looks like: only thread 0's squares. block_sum adds up those of all threads";
    }
    if (threads < width && is_of([&](std::size_t column) { return column < threads; })) {
      return "looks like: only one column per thread. A loop takes every blockDim.x-th of the row's columns";
    }
  }
  return "";
}

/// Names the mistake behind rstd of a forward pass over x; empty where none of those known fits.
inline std::string explain_rmsnorm_rstd(std::span<const float> rstd, std::span<const double> x, int n, int c,
                                        double epsilon) {
  const auto rows = static_cast<std::size_t>(n), width = static_cast<std::size_t>(c);
  std::vector<double> bare(rows), outside(rows), of_sum(rows), centered(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    double sum = 0.0, squares = 0.0;
    for (std::size_t i = row * width; i < (row + 1) * width; ++i) {
      sum += x[i];
      squares += x[i] * x[i];
    }
    bare[row] = 1.0 / std::sqrt(squares / c);
    outside[row] = 1.0 / (std::sqrt(squares / c) + epsilon);
    of_sum[row] = 1.0 / std::sqrt(squares + epsilon);
    centered[row] = 1.0 / std::sqrt(squares / c - sum * sum / c / c + epsilon);
  }
  const auto is = [&](const std::vector<double>& suspect) {
    return bool(matches(rstd, suspect, {0.0, 2e-6}));
  };
  if (is(bare)) return "looks like: epsilon is not added to the mean square";
  if (is(outside)) return "looks like: epsilon is added to the root of the mean square, not under it";
  if (is(of_sum)) return "looks like: the sum of squares is not divided by C";
  if (is(centered))
    return "looks like: the mean was subtracted first. That is LayerNorm: RMSNorm has no mean";
  return explain_missing_squares(rstd, x, n, c, epsilon);
}

/// The same for y.
inline std::string explain_rmsnorm(std::span<const float> y, std::span<const float> rstd,
                                   std::span<const double> x, std::span<const double> weight, int n, int c,
                                   double epsilon) {
  const auto expected = rmsnorm_oracle(x, weight, n, c, epsilon);
  std::vector<double> unweighted(x.size()), by_row(x.size()), as_saved(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t row = i / weight.size(), column = i % weight.size();
    unweighted[i] = x[i] * expected.rstd[row];
    by_row[i] = unweighted[i] * weight[row % weight.size()];
    as_saved[i] = x[i] * static_cast<double>(rstd[row]) * weight[column];
  }
  if (looks_like(y, unweighted)) return "looks like: y = x * rstd. The weight is missing";
  if (looks_like(y, by_row)) return "looks like: weight is indexed by the row, not by the column";
  // Where y is NaN, most often unwritten, it was not made from another rstd.
  const bool has_nan = std::any_of(y.begin(), y.end(), [](float value) { return std::isnan(value); });
  if (!has_nan && !looks_like(y, as_saved)) {
    return "looks like: not all of y was made from the saved rstd. If threads of a block got different ones, "
           "it is a race: a missing __syncthreads() around what they share";
  }
  return explain_rmsnorm_rstd(rstd, x, n, c, epsilon);
}

/// The same for dx of a backward pass.
inline std::string explain_rmsnorm_dx(std::span<const float> dx, std::span<const double> dy,
                                      std::span<const double> x, std::span<const double> weight,
                                      std::span<const double> rstd) {
  std::vector<double> constant(dx.size()), of_dy(dx.size()), of_sum(dx.size());
  const std::size_t width = weight.size();
  for (std::size_t row = 0; row < rstd.size(); ++row) {
    double with_weight = 0.0, without = 0.0;  // g xhat, dy xhat
    for (std::size_t i = row * width; i < (row + 1) * width; ++i) {
      with_weight += dy[i] * weight[i % width] * x[i] * rstd[row];
      without += dy[i] * x[i] * rstd[row];
    }
    for (std::size_t i = row * width; i < (row + 1) * width; ++i) {
      const double g = dy[i] * weight[i % width], xhat = x[i] * rstd[row];
      constant[i] = rstd[row] * g;
      of_dy[i] = rstd[row] * (g - xhat * without / static_cast<double>(width));
      of_sum[i] = rstd[row] * (g - xhat * with_weight);
    }
  }
  if (looks_like(dx, constant)) {
    return "looks like: dx = rstd * g alone. rstd depends on every x of the row: a term is missing";
  }
  if (looks_like(dx, of_dy)) return "looks like: the mean is of dy * xhat; g = dy * weight belongs there";
  if (looks_like(dx, of_sum)) return "looks like: the sum of g * xhat is not divided by C";
  return "";
}

/// The same for dweight, which held `before`.
inline std::string explain_rmsnorm_dweight(std::span<const float> dweight, std::span<const float> before,
                                           std::span<const double> dy, std::span<const double> x) {
  // dweight came with numbers in it, so a NaN was added to it.
  if (std::any_of(dweight.begin(), dweight.end(), [](float value) { return std::isnan(value); })) {
    return "looks like: sums were added up in scratch, which holds anything until something is stored there. "
           "Clear them before the first row";
  }
  std::vector<double> unscaled(before.begin(), before.end());
  for (std::size_t i = 0; i < dy.size(); ++i) unscaled[i % unscaled.size()] += dy[i] * x[i];
  if (!looks_like(dweight, unscaled)) return "";
  return "looks like: dy * x is summed; dy * xhat belongs there, xhat = x * rstd";
}

}  // namespace wb
