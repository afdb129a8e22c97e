// Rung 3: the next kernel starts while this one still runs.
// Needs: sm_90
//
// Idea: programmatic dependent launch (dependent_launch.cuh). A block allows the next kernel to start as soon
// as it has issued the loads of its row. When the last blocks of this kernel run, blocks of the next kernel
// are already resident and wait. No time is lost to a launch or to empty multiprocessors between two kernels.
// Everything else is as in rung 2.
//
// Limited before: start and end of the kernel, at 1024 columns.
// Limits now: the weights, as in rung 2. In bf16 the rung is slower than rung 2 at 768 columns (README.md).
// Uses: 27 to 61 registers, 16 to 256 bytes of shared memory.
// Costs in clarity: a wait; if it is missing, tests may still pass.
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rmsnorm_forward/rmsnorm_row.cuh"
#include "solutions/ladders/rows/early_launch.cuh"

namespace wb {
namespace {

template <class Shape, class T>
__global__ void __launch_bounds__(Shape::kThreads) early_start(ladder::RmsnormArguments<T> arguments) {
  const std::int64_t row = blockIdx.x;
  hopper::wait_for_previous_kernel();
  ladder::HeldRow<Shape> held(arguments.x + row * arguments.c, arguments.c);
  hopper::let_next_kernel_start();

  const float rstd = ladder::meet_rstd<Shape::kThreads>(ladder::squares_held(held), arguments, row);
  ladder::store_scaled(held, arguments, row, 0, rstd);
}

template <class T>
void rmsnorm_early_start(const T* x, const T* weight, T* y, float* rstd, int n, int c, float epsilon,
                         cudaStream_t stream) {
  check_rmsnorm_forward(x, weight, y, rstd, n, c, epsilon);
  const ladder::RmsnormArguments<T> arguments = {x, weight, y, rstd, c, epsilon};
  const bool wide = rows_fit_pack<16 / sizeof(T)>(c, x, weight, y);
  if (c > ladder::kLongestHeldRow) {
    ladder::rmsnorm_walked_kernel<T>(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(arguments);
  } else {
    ladder::with_held_row<T>(c, wide, [&](auto shape) {
      ladder::launch_early(early_start<decltype(shape), T>, {n, shape.kThreads}, stream, arguments);
    });
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RmsnormForward, early_start, rmsnorm_early_start<float>);
WB_REGISTER(RmsnormForwardBf16, early_start, rmsnorm_early_start<bf16>);

}  // namespace wb
