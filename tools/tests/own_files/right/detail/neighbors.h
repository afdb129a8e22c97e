// What surrounds a cell of the board, whose edges meet.
#pragma once

#include <utility>

constexpr int kSide = 16;

__host__ __device__ inline int wrapped(int i) {
  return (i + kSide) % kSide;
}

/// `rows` holds the row above, the row of the cell, and the row below.
__device__ inline int count_neighbors(const unsigned char* rows, int x) {
  int sum = 0;
  for (int row = 0; row < 3; ++row)
    for (int dx = -1; dx <= 1; ++dx) sum += rows[row * kSide + wrapped(x + dx)];
  return sum - rows[kSide + x];
}
