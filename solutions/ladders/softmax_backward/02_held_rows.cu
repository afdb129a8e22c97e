// Rung 2: both rows stay in the registers of a block.
//
// Idea: a block holds dy and y of its row (held_row.cuh), up to 16384 columns, so that memory and caches are
// read once. Longer rows are read twice.
//
// Limited before: the second read.
// Limits now: at 1024 columns start and end of the kernel, 1.6 of 27 us. From 16388 columns on the second
// read, because a block cannot hold two such rows: 81% of a copy at 32768 columns, but 99% in bf16 (H200).
// Uses: 24 to 60 registers, 16 to 256 bytes of shared memory.
// Costs in clarity: a launch shape for each row length.
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/softmax_backward/softmax_gradient.cuh"

namespace wb {
namespace {

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads) held_rows(const typename Shape::T* dy,  // (rows, columns)
                                                             const typename Shape::T* y,   // (rows, columns)
                                                             typename Shape::T* dx,        // (rows, columns)
                                                             int columns) {
  using Held = ladder::HeldRow<Shape, typename Shape::T>;
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  const Held dy_row(dy + start, columns), y_row(y + start, columns);
  const float dot = ladder::meet_sum<Shape::kThreads>(ladder::dot_held<Shape>(dy_row, y_row));
  ladder::store_gradient<Shape>(dx + start, dy_row, y_row, dot);
}

template <class T>
void softmax_held_rows(const T* dy, const T* y, T* dx, int rows, int columns, cudaStream_t stream) {
  check_softmax_backward(dy, y, dx, rows, columns);
  const bool wide = rows_fit_pack<16 / sizeof(T)>(columns, dy, y, dx);
  if (columns > ladder::kLongestHeldPair) {
    ladder::softmax_gradient_walked_kernel<T>(wide)<<<rows, ladder::kWalkingThreads, 0, stream>>>(dy, y, dx,
                                                                                                  columns);
  } else {
    ladder::with_held_pair<T>(columns, wide, [&](auto shape) {
      held_rows<decltype(shape)><<<rows, shape.kThreads, 0, stream>>>(dy, y, dx, columns);
    });
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxBackward, held_rows, softmax_held_rows<float>);
WB_REGISTER(SoftmaxBackwardBf16, held_rows, softmax_held_rows<bf16>);

}  // namespace wb
