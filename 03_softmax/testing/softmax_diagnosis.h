// What a wrong row of softmax gives away: the number that its threads used as the row's sum.
//
// All outputs of a row depend on the sum over the row, so one wrong sum makes all of them wrong in the same
// way, and threads that disagree about the sum leave different ones. matches() cannot know that; a test
// appends this to its failure.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace wb {

namespace detail {

inline constexpr const char* kThreadsDisagree =
    "its threads used different sums. Do all of them wait (__syncthreads) between the warps' writes to "
    "shared memory and their own reads, and does every thread get the total? After __shfl_down_sync only "
    "lane 0 "
    "of a warp has it.";

struct WrongRow {
  std::size_t row = 0;
  std::vector<double>
      sums;  // as each element tells it, relative to what it should be: of the first wrong row
};

// The first row for which `implied_sum(i)` is not everywhere the right one. It is nullopt where the element
// tells nothing, and NaN where the element cannot come from any sum.
template <class ImpliedSum>
std::optional<WrongRow> first_wrong_row(std::size_t size, int columns, ImpliedSum implied_sum, double right,
                                        double tolerance) {
  const auto width = static_cast<std::size_t>(columns);
  for (std::size_t start = 0; start < size; start += width) {
    WrongRow found{start / width, {}};
    for (std::size_t i = start; i < start + width; ++i) {
      if (const std::optional<double> sum = implied_sum(i)) found.sums.push_back(*sum);
    }
    if (std::any_of(found.sums.begin(), found.sums.end(),
                    [&](double sum) { return !(std::fabs(sum - right) <= tolerance); })) {
      return found;
    }
  }
  return std::nullopt;
}

inline bool agree(const std::vector<double>& sums, double tolerance) {
  return std::all_of(sums.begin(), sums.end(), [&](double sum) {
    return std::fabs(sum - sums[0]) <= tolerance * std::max(1.0, std::fabs(sums[0]));
  });
}

}  // namespace detail

/// A line about the first wrong row of y, or nothing where the row's sum does not explain it.
inline std::string explain_softmax(std::span<const float> y,          // (rows, columns)
                                   std::span<const double> expected,  // (rows, columns)
                                   int columns) {
  const auto implied = [&](std::size_t i) -> std::optional<double> {
    if (expected[i] < 1e-30) return std::nullopt;
    return expected[i] / static_cast<double>(y[i]);  // the sum used, as a fraction of the right one
  };
  const auto wrong = detail::first_wrong_row(y.size(), columns, implied, 1.0, 1e-4);
  if (!wrong) return {};
  // What was never written, became NaN or 0 does not tell a sum.
  for (const double sum : wrong->sums) {
    if (!std::isfinite(sum) || sum <= 0.0) return {};
  }
  std::ostringstream out;
  out << "\n  softmax: row " << wrong->row << ": ";
  if (!detail::agree(wrong->sums, 1e-4)) {
    out << detail::kThreadsDisagree;
  } else if (wrong->sums[0] < 1.0) {
    out << "its sum misses some exponentials: it is " << wrong->sums[0]
        << " of what it should be. Does each column have a thread, and does each warp's part arrive?";
  } else {
    out << "its sum has too much: it is " << wrong->sums[0]
        << " times what it should be. What do threads past the end of the row add, is anything added twice?";
  }
  return out.str();
}

/// The same for dx = y (dy - dot).
inline std::string explain_softmax_backward(std::span<const float> dx,  // (rows, columns)
                                            std::span<const float> dy,  // (rows, columns)
                                            std::span<const float> y,   // (rows, columns)
                                            int columns) {
  const auto width = static_cast<std::size_t>(columns);
  std::vector<double> dots(dx.size() / width);
  for (std::size_t i = 0; i < dx.size(); ++i) dots[i / width] += static_cast<double>(dy[i]) * y[i];
  const auto implied = [&](std::size_t i) -> std::optional<double> {
    return static_cast<double>(dy[i]) - static_cast<double>(dx[i]) / y[i] - dots[i / width];
  };
  const auto wrong = detail::first_wrong_row(dx.size(), columns, implied, 0.0, 1e-4);
  if (!wrong) return {};
  for (const double sum : wrong->sums) {
    if (!std::isfinite(sum)) return {};
  }
  const double dot = dots[wrong->row], used = dot + wrong->sums[0];
  std::ostringstream out;
  out << "\n  softmax backward: row " << wrong->row << ": ";
  if (!detail::agree(wrong->sums, 1e-3)) {
    out << detail::kThreadsDisagree;
  } else if (std::fabs(used) < 1e-4) {
    out << "dx is as if the row's sum of dy y were 0, but it is " << dot << ": is it subtracted from dy?";
  } else {
    out << "dx is as if the row's sum of dy y were " << used << ", but the row's sum of dy y is " << dot;
  }
  return out.str();
}

}  // namespace wb
