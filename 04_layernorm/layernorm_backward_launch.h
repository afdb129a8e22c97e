// How many blocks of how many threads the backward kernels take.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>

#include "03_softmax/row_threads.h"
#include "04_layernorm/column_sums_launch.h"
#include "04_layernorm/layernorm.h"

namespace wb {

// Columns that a thread owns. There are at most kLayernormPartials blocks, so short rows give a thread few
// columns: else there would not be threads enough to keep memory busy. With 16, two blocks of 512 threads
// share a multiprocessor, and one loads while the other reduces; rows above 8192 columns take all of it for
// one block.
inline constexpr int kFewColumns = 4, kSomeColumns = 16, kManyColumns = 32;
inline constexpr int kFewMaxThreads = 512, kManyMaxThreads = 1024;

/// few: kFewColumns, or what a pack holds if that is more.
inline int layernorm_backward_columns(int c, int few = kFewColumns) {
  if (c <= few * kFewMaxThreads) return few;
  return c <= kSomeColumns * kFewMaxThreads ? kSomeColumns : kManyColumns;
}

struct LayernormBackwardLaunch {
  int columns;               // that a thread owns: kFewColumns, kSomeColumns or kManyColumns
  int threads;               // of a block
  dim3 grid;                 // (blocks that share the rows, slices of the columns)
  std::size_t shared_bytes;  // a float for each column that the block owns
};

inline LayernormBackwardLaunch layernorm_backward_launch(int n, int c, int few = kFewColumns) {
  LayernormBackwardLaunch launch;
  launch.columns = layernorm_backward_columns(c, few);
  const int columns = launch.columns;
  launch.threads = std::min(threads_for_row(c, columns), most_threads_with_sums(columns));
  launch.shared_bytes = static_cast<std::size_t>(launch.threads) * columns * sizeof(float);
  const int slices = (c - 1) / (launch.threads * columns) + 1;
  launch.grid = column_sums_grid(n, kLayernormPartials, launch.threads, slices);
  return launch;
}

}  // namespace wb
