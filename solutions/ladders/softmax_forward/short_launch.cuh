// Softmax of rows of at most 32768 bf16, by a block each (compute capability 9.0): the kernel of the rung
// short_exponentials, which warp_held takes for its longer rows.
#pragma once

#include "solutions/ladders/rows/early_launch.cuh"
#include "solutions/ladders/softmax_forward/short_exponentials.cuh"

namespace wb::ladder {

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads, 1024 / Shape::kThreads)
    short_softmax(const bf16* x,  // (rows, columns)
                  bf16* y,        // (rows, columns)
                  int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  HeldPacks<Shape> row;
  hopper::wait_for_previous_kernel();
  row.ask_for(x + start, columns);
  hopper::let_next_kernel_start();
  store_softmax(y + start, row, columns);
}

/// Launches short_softmax where there is a shape for such rows; returns whether there is one.
inline bool launch_short_softmax(const bf16* x, bf16* y, int rows, int columns, bool wide,
                                 cudaStream_t stream) {
  const int packs = columns / 8;
  if (!wide || packs > 4096) return false;
  const auto launch = [&](auto shape) {
    launch_early(short_softmax<decltype(shape)>, {rows, shape.kThreads}, stream, x, y, columns);
    return true;
  };
  if (packs <= 128) return launch(RowShape<bf16, 8, 2, 64>{});
  if (packs <= 512) return launch(RowShape<bf16, 8, 4, 128>{});
  if (packs <= 2048) return launch(RowShape<bf16, 8, 8, 256>{});
  return launch(RowShape<bf16, 8, 8, 512>{});
}

}  // namespace wb::ladder
