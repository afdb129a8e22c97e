// Rung 1: one warp per row, so that no warp waits at a barrier.
//
// Idea: 32 lanes share a row, and a block of 8 warps has 8 rows. The lanes combine their values by shuffles
// alone, without shared memory and without __syncthreads. A warp reads dy and y twice, 4 loads of 16 bytes of
// each per lane at a time.
//
// Limited before: the barrier of chapter 03's solution, and in long rows its second read.
// Limits now: the second read of both rows: 40 pairs of rows in flight are more than the L1 cache of a
// multiprocessor holds, and from 8192 columns on those of all multiprocessors are more than the L2 cache
// holds.
// Uses: 36 to 48 registers, no shared memory.
// Costs in clarity: none: it is the formula.
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/softmax_backward/softmax_gradient.cuh"

namespace wb {
namespace {

constexpr int kRows = 8;  // of a block: a warp each

template <class Shape>
__global__ void __launch_bounds__(kWarp* kRows) warp_row(const typename Shape::T* dy,  // (rows, columns)
                                                         const typename Shape::T* y,   // (rows, columns)
                                                         typename Shape::T* dx,        // (rows, columns)
                                                         int rows, int columns) {
  const std::int64_t row = blockIdx.x * static_cast<std::int64_t>(kRows) + threadIdx.y;
  const std::int64_t start = row * columns;
  if (row < rows) ladder::walk_gradient<Shape>(dy + start, y + start, dx + start, columns);
}

void softmax_warp_row(const float* dy, const float* y, float* dx, int rows, int columns,
                      cudaStream_t stream) {
  check_softmax_backward(dy, y, dx, rows, columns);
  auto* kernel = rows_fit_pack4(columns, dy, y, dx) ? warp_row<ladder::Chunk<float, kWarp, true>>
                                                    : warp_row<ladder::Chunk<float, kWarp, false>>;
  kernel<<<(rows - 1) / kRows + 1, dim3(kWarp, kRows), 0, stream>>>(dy, y, dx, rows, columns);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxBackward, warp_row, softmax_warp_row);

}  // namespace wb
