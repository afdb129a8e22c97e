// Rung 4: the next kernel starts while this one still runs.
// Needs: sm_90
//
// Idea: programmatic dependent launch (dependent_launch.cuh). A block allows the next kernel to start as soon
// as it has issued the loads of its row. When the last blocks of this kernel run, blocks of the next kernel
// are already resident and wait. No time is lost to a launch or to empty multiprocessors between two kernels.
// Everything else is as in rung 3.
//
// Limited before: start and end of the kernel, at 1024 columns.
// Limits now: the weights, as in rung 2.
// Uses: as rung 3.
// Costs in clarity: a wait; if it is missing, tests may still pass.
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/layernorm_forward/layernorm_row.cuh"
#include "solutions/ladders/rows/early_launch.cuh"

namespace wb {
namespace {

template <class Shape, class T>
__global__ void __launch_bounds__(Shape::kThreads) early_start(ladder::LayernormArguments<T> arguments) {
  const std::int64_t row = blockIdx.x;
  hopper::wait_for_previous_kernel();
  ladder::HeldRow<Shape> held(arguments.x + row * arguments.c, arguments.c);
  hopper::let_next_kernel_start();

  const Moments all = ladder::meet_moments<Shape::kThreads>(ladder::moments_held(held));

  const float rstd = rstd_of(all, arguments.epsilon);
  ladder::store_statistics(arguments, row, all.mean, rstd);
  ladder::store_normalized(held, arguments, row, 0, all.mean, rstd);
}

void layernorm_early_start(const float* x, const float* gamma, const float* beta, float* y, float* mean,
                           float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  const ladder::LayernormArguments<float> arguments = {x, gamma, beta, y, mean, rstd, c, epsilon};
  const bool wide = rows_fit_pack4(c, x, gamma, beta, y);
  if (c > ladder::kLongestHeldRow) {
    ladder::layernorm_walked_kernel<float>(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(arguments);
  } else {
    ladder::with_held_row<float>(c, wide, [&](auto shape) {
      ladder::launch_early(early_start<decltype(shape), float>, {n, shape.kThreads}, stream, arguments);
    });
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormForward, early_start, layernorm_early_start);

}  // namespace wb
