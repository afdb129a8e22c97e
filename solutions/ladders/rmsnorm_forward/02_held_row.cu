// Rung 2: the row stays in the registers of a block.
//
// Idea: a block holds its row (held_row.cuh), so that memory and caches are read once, whatever the length up
// to 32768 columns. The number of threads depends on the length: 64 threads with 4 loads of 16 bytes each for
// 1024 columns, so that a multiprocessor has many rows in flight; 1024 threads with 8 loads for 32768. The
// block has one barrier, and then reads the weights.
//
// Limited before: the second read of each row.
// Limits now: the weights: all threads load them after the barrier, and wait. In bf16 a row of 1024 columns
// gives a thread one or two loads, too few bytes in flight.
// Uses: 27 to 64 registers, 16 to 256 bytes of shared memory.
// Costs in clarity: a launch shape for each row length.
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rmsnorm_forward/rmsnorm_row.cuh"

namespace wb {
namespace {

template <class Shape, class T>
__global__ void __launch_bounds__(Shape::kThreads) held_row(ladder::RmsnormArguments<T> arguments) {
  const std::int64_t row = blockIdx.x;
  ladder::HeldRow<Shape> held(arguments.x + row * arguments.c, arguments.c);
  const float rstd = ladder::meet_rstd<Shape::kThreads>(ladder::squares_held(held), arguments, row);
  ladder::store_scaled(held, arguments, row, 0, rstd);
}

template <class T>
void rmsnorm_held_row(const T* x, const T* weight, T* y, float* rstd, int n, int c, float epsilon,
                      cudaStream_t stream) {
  check_rmsnorm_forward(x, weight, y, rstd, n, c, epsilon);
  const ladder::RmsnormArguments<T> arguments = {x, weight, y, rstd, c, epsilon};
  const bool wide = rows_fit_pack<16 / sizeof(T)>(c, x, weight, y);
  if (c > ladder::kLongestHeldRow) {
    ladder::rmsnorm_walked_kernel<T>(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(arguments);
  } else {
    ladder::with_held_row<T>(c, wide, [&](auto shape) {
      held_row<decltype(shape), T><<<n, shape.kThreads, 0, stream>>>(arguments);
    });
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RmsnormForward, held_row, rmsnorm_held_row<float>);
WB_REGISTER(RmsnormForwardBf16, held_row, rmsnorm_held_row<bf16>);

}  // namespace wb
