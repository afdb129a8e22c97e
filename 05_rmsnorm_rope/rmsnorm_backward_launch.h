// How many blocks of how many threads rmsnorm's backward takes.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>

#include "03_softmax/row_threads.h"
#include "04_layernorm/column_sums_launch.h"
#include "05_rmsnorm_rope/rmsnorm.h"

// Its own namespace: chapter 04 has constants of the same names and other values.
namespace wb::rmsnorm {

// Columns that a thread owns. With 16, two blocks of 512 threads share a multiprocessor, and one loads while
// the other reduces; rows above 8192 columns take all of it for one block.
inline constexpr int kFewColumns = 16, kManyColumns = 32;
inline constexpr int kFewMaxThreads = 512, kManyMaxThreads = 1024;

struct RmsnormBackwardLaunch {
  bool many;                 // kManyColumns or kFewColumns a thread
  dim3 block;                // (threads of a row, rows at a time)
  dim3 grid;                 // (blocks that share the rows, slices of the columns)
  std::size_t shared_bytes;  // a float for each thread and column
};

inline RmsnormBackwardLaunch rmsnorm_backward_launch(int n, int c) {
  RmsnormBackwardLaunch launch;
  launch.many = c > kFewColumns * kFewMaxThreads;
  const int columns = launch.many ? kManyColumns : kFewColumns;
  const int most_threads = most_threads_with_sums(columns);
  const int threads = std::min(threads_for_row(c, columns), most_threads);
  const int rows =
      launch.many ? 1 : std::min(n, std::max(1, std::min(kFewMaxThreads, most_threads) / threads));
  launch.block = dim3(static_cast<unsigned>(threads), static_cast<unsigned>(rows));
  launch.shared_bytes = static_cast<std::size_t>(threads) * rows * columns * sizeof(float);

  const int slices = (c - 1) / (threads * columns) + 1;
  launch.grid = column_sums_grid((n - 1) / rows + 1, kRmsnormPartials, threads * rows, slices);
  return launch;
}

}  // namespace wb::rmsnorm
