// The gradient of LayerNorm's weight as a plain loop in double, and what wrong ones look like.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/harness/matcher.h"

namespace wb {

struct DgammaInput {
  std::vector<float> dy, x;       // (N, C)
  std::vector<float> mean, rstd;  // (N)
  std::vector<float> before;      // (C), in dgamma before the call
};

/// (C): before[c] + the sum over all rows of term(i, row), where i = row * C + c is the element's index.
template <class Term>
std::vector<double> sum_of_columns(const DgammaInput& in, int n, int c, Term term) {
  const auto rows = static_cast<std::size_t>(n), columns = static_cast<std::size_t>(c);
  std::vector<double> sums(in.before.begin(), in.before.end());
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < columns; ++i) sums[i] += term(row * columns + i, row);
  }
  return sums;
}

inline double dgamma_term(const DgammaInput& in, std::size_t i, std::size_t row) {
  return static_cast<double>(in.dy[i]) * (static_cast<double>(in.x[i]) - static_cast<double>(in.mean[row])) *
         static_cast<double>(in.rstd[row]);
}

inline std::vector<double> dgamma_oracle(const DgammaInput& in, int n, int c) {
  return sum_of_columns(in, n, c, [&](std::size_t i, std::size_t row) { return dgamma_term(in, i, row); });
}

/// Names the mistake behind a wrong dgamma; empty where none of those known fits.
inline std::string explain_dgamma(const std::vector<float>& got, const DgammaInput& in, int n, int c) {
  if (got == in.before) return "dgamma is as it was: nothing was added";
  const auto is = [&](auto term) { return looks_like(got, sum_of_columns(in, n, c, term)); };
  const auto dy = [&](std::size_t i) { return static_cast<double>(in.dy[i]); };
  const auto x = [&](std::size_t i) { return static_cast<double>(in.x[i]); };
  const auto mean = [&](std::size_t row) { return static_cast<double>(in.mean[row]); };
  const auto rstd = [&](std::size_t row) { return static_cast<double>(in.rstd[row]); };

  std::vector<double> alone = dgamma_oracle(in, n, c);
  for (std::size_t i = 0; i < alone.size(); ++i) alone[i] -= static_cast<double>(in.before[i]);
  if (looks_like(got, alone)) return "looks like: the sum replaced the old contents of dgamma";
  if (is([&](std::size_t i, std::size_t) { return dy(i); })) {
    return "looks like: the sum of dy, which is dbeta; dgamma multiplies each dy by xhat";
  }
  if (is([&](std::size_t i, std::size_t row) { return dy(i) * x(i) * rstd(row); })) {
    return "looks like: the mean is not subtracted from x";
  }
  if (is([&](std::size_t i, std::size_t row) { return dy(i) * (x(i) - mean(row)); })) {
    return "looks like: xhat is not multiplied by rstd";
  }
  // Rows of a block's first warp, and blocks whose number was rounded down.
  if (n > 1 &&
      is([&](std::size_t i, std::size_t row) { return row % 8 == 0 ? dgamma_term(in, i, row) : 0.0; })) {
    return "looks like: only rows 0, 8, 16, ... were added, those of one warp of each block";
  }
  for (const int together : {256, 8}) {
    const auto end = static_cast<std::size_t>(n - n % together);
    if (end != static_cast<std::size_t>(n) &&
        is([&](std::size_t i, std::size_t row) { return row < end ? dgamma_term(in, i, row) : 0.0; })) {
      return "looks like: the last " + std::to_string(n % together) +
             " rows are missing; they do not fill a block";
    }
  }
  return "";
}

}  // namespace wb
