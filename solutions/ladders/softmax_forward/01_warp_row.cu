// Rung 1: one warp per row, so that no warp waits at a barrier.
//
// Idea: 32 lanes share a row, and a block of 8 warps has 8 rows. The lanes combine their values by shuffles
// alone, without shared memory and without __syncthreads. A warp reads its row twice, 4 loads of 16 bytes per
// lane at a time: first for the maximum and the sum of exponentials (online softmax), then to write.
//
// Limited before: the barriers of chapter 03's solution, two per row, at which all warps of a block wait for
// the slowest.
// Limits now: the second read. A multiprocessor has 64 rows in flight; from 1024 columns on they are more
// than its L1 cache holds, and from 8192 columns on those of all multiprocessors are more than the L2 cache
// holds, so that memory delivers them twice.
// Uses: 32 registers, no shared memory.
// Costs in clarity: none: it is the formula, with a pair that can be merged.
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/softmax_forward/softmax_row.cuh"

namespace wb {
namespace {

constexpr int kRows = 8;  // of a block: a warp each

template <class Shape>
__global__ void __launch_bounds__(kWarp* kRows) warp_row(const typename Shape::T* x,  // (rows, columns)
                                                         typename Shape::T* y,        // (rows, columns)
                                                         int rows, int columns) {
  const std::int64_t row = blockIdx.x * static_cast<std::int64_t>(kRows) + threadIdx.y;
  if (row < rows) ladder::walk_softmax<Shape>(x + row * columns, y + row * columns, columns);
}

void softmax_warp_row(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  auto* kernel = rows_fit_pack4(columns, x, y) ? warp_row<ladder::Chunk<float, kWarp, true>>
                                               : warp_row<ladder::Chunk<float, kWarp, false>>;
  kernel<<<(rows - 1) / kRows + 1, dim3(kWarp, kRows), 0, stream>>>(x, y, rows, columns);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxForward, warp_row, softmax_warp_row);

}  // namespace wb
