// Sizes of tests: those that detect what round sizes hide (a missing bounds guard, a partial warp, a partial
// tile), and the number of elements of a matrix.
#pragma once

#include <cstddef>
#include <vector>

namespace wb {

/// One element, and both sides of a warp (32), of usual blocks (64, 128, 256, 1024), and two round decimal
/// sizes.
inline std::vector<int> edge_sizes() {
  return {1, 2, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 1000, 1023, 1024, 1025};
}

/// Elements of a (rows, columns) matrix.
inline std::size_t area(int rows, int columns) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
}

}  // namespace wb
