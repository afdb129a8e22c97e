// Which lane of a warp holds which element of a matrix.
//
// CUDA does not specify this, so no kernel may depend on it. Here a matrix consists of tiles of 8 x 8
// elements, and a lane holds two neighbors of each: lane l those of line l / 4, at 2 (l % 4) and the next.
// A line is a row or a column of the matrix, so that the two are neighbors in memory, too.
#pragma once

namespace simt::wmma {

/// A matrix of `kLines` lines with `kLength` elements each.
template <int kLines, int kLength>
struct Placement {
  static constexpr int kPerLane = kLines * kLength / 32;

  /// The line of element `i` of a lane.
  static constexpr int line(int lane, int i) { return i / 2 / (kLength / 8) * 8 + lane / 4; }
  /// Its place in that line.
  static constexpr int offset(int lane, int i) { return i / 2 % (kLength / 8) * 8 + lane % 4 * 2 + i % 2; }
};

}  // namespace simt::wmma
