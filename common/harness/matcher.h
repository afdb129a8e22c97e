// The comparison that every test uses. NaN never passes it, and a failure says what is probably wrong.
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

/// What a flat array means. All of it is optional, and only makes a failure easier to read.
struct Shape {
  std::vector<std::int64_t> dims = {};  // row-major: an index is printed as [row][column]
  /// Threads of a block, where thread i of the grid owns element i: a failure then names block and thread.
  int threads_per_block = 0;
  /// What the array held before the kernel ran, for outputs that are read as well: tells stale from wrong.
  std::vector<float> before = {};
  /// False where a wrong end is no partly filled block: values sorted by size, or rows of which every element
  /// needs all the others.
  bool has_edges = true;
  /// What each element may be off beside the tolerance, where the values behind it say so: numbers that are
  /// rounded on the way, for instance. Empty: nothing.
  std::vector<double> slack = {};
};

/// Compares a downloaded result with its oracle. The message of a failure holds the first and the worst
/// index, got, expected, the tolerance, how many are wrong, and the likely cause (diagnosis.h). Usage:
/// EXPECT_TRUE(wb::matches(y.download(), reference, {1e-6, 1e-5}, {{n, c}}));
testing::AssertionResult matches(std::span<const float> got, std::span<const double> expected,
                                 const Tolerance& tolerance, const Shape& shape = {});

/// Whether `got` may have been computed as `suspect` was. Looser than a test: it only has to tell mistakes
/// apart, for the words of a failure.
bool looks_like(std::span<const float> got, std::span<const double> suspect);

/// The same numbers in double, for oracles.
std::vector<double> to_double(std::span<const float> values);

}  // namespace wb
