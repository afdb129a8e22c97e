// Rung 2: the row stays in the registers of a block.
//
// Idea: a block holds its row (held_row.cuh), so that memory and caches are read once, whatever the length up
// to 32768 columns. The number of threads depends on the length: 64 threads with 4 loads of 16 bytes each for
// 1024 columns, so that a multiprocessor has many rows in flight; 1024 threads with 8 loads for 32768. The
// block has two barriers, for the maximum and for the sum.
//
// Limited before: the second read of each row.
// Limits now: at 1024 columns the start and end of the kernel: 64 MiB take 16 us, and start and end take
// about 2 of the 19 us measured. From 8192 columns on the kernel is within 3% of a copy in fp32. In bf16 it
// reaches 75% of a copy at 32768 columns: one block fills the registers of a multiprocessor.
// Uses: 24 to 64 registers, 16 to 256 bytes of shared memory.
// Costs in clarity: a launch shape for each row length.
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/softmax_forward/softmax_row.cuh"

namespace wb {
namespace {

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads) held_row(const typename Shape::T* x,  // (rows, columns)
                                                            typename Shape::T* y,        // (rows, columns)
                                                            int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  ladder::HeldRow<Shape> row(x + start, columns);

  float maximum = -INFINITY;
  row.each([&](float value) { maximum = fmaxf(maximum, value); });
  const float shift = ladder::shift_for(ladder::meet_max<Shape::kThreads>(maximum));

  float sum = 0.0f;
  row.each([&](float& value) {
    value = expf(value - shift);
    sum += value;
  });
  const float inverse = ladder::inverse_of(ladder::meet_sum<Shape::kThreads>(sum));

  row.each([&](float& value) { value *= inverse; });
  row.store(y + start, [](const Pack<Shape::kWidth>& pack, int) { return pack; });
}

template <class T>
void softmax_held_row(const T* x, T* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  const bool wide = rows_fit_pack<16 / sizeof(T)>(columns, x, y);
  if (columns > ladder::kLongestHeldRow) {
    ladder::softmax_walked_kernel<T>(wide)<<<rows, ladder::kWalkingThreads, 0, stream>>>(x, y, columns);
  } else {
    ladder::with_held_row<T>(columns, wide, [&](auto shape) {
      held_row<decltype(shape)><<<rows, shape.kThreads, 0, stream>>>(x, y, columns);
    });
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxForward, held_row, softmax_held_row<float>);
WB_REGISTER(SoftmaxForwardBf16, held_row, softmax_held_row<bf16>);

}  // namespace wb
