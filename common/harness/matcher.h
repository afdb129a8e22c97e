// The comparison that every test uses. NaN never passes it, and a failure names the likely cause.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <vector>

namespace wb {

/// An element passes only if |got - expected| <= absolute + relative * |expected|.
struct Tolerance {
  double absolute = 1e-6;
  double relative = 1e-5;
};

/// The meaning of a flat array. Everything is optional, and only makes a failure easier to read.
struct Shape {
  std::vector<std::int64_t> dims = {};  // row-major: an index is printed as [row][column]
  /// Threads per block, if thread i of the grid owns element i: a failure then names block and thread.
  int threads_per_block = 0;
  /// The contents before the kernel ran, for outputs that are read as well. They show elements that were not
  /// updated.
  std::vector<float> before = {};
  /// False if wrong elements at the end do not mean a partly filled block: values sorted by size, or rows in
  /// which every element depends on all others.
  bool has_edges = true;
  /// An additional error that each element may have, for instance because intermediate values are rounded.
  /// Empty: none.
  std::vector<double> slack = {};
};

/// Compares a downloaded result with its oracle. The message of a failure holds the first and the worst
/// index, got, expected, the tolerance, how many are wrong, and the likely cause (diagnosis.h). Usage:
/// EXPECT_TRUE(wb::matches(y.download(), reference, {1e-6, 1e-5}, {{n, c}}));
testing::AssertionResult matches(std::span<const float> got, std::span<const double> expected,
                                 const Tolerance& tolerance, const Shape& shape = {});

/// Whether `got` looks like the result of the mistake that `suspect` was computed with. The tolerance is
/// larger than a test's: for the message of a failure it only has to distinguish mistakes.
bool looks_like(std::span<const float> got, std::span<const double> suspect);

/// The same numbers in double, for oracles.
std::vector<double> to_double(std::span<const float> values);

}  // namespace wb
