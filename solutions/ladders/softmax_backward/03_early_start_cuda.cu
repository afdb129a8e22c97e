// Rung 3: the next kernel starts while this one still runs.
// Needs: sm_90
//
// Idea: programmatic dependent launch (dependent_launch.cuh). A block allows the next kernel to start as soon
// as it has issued the loads of its rows. When the last blocks of this kernel run, blocks of the next kernel
// are already resident and wait. No time is lost to a launch or to empty multiprocessors between two kernels.
// Everything else is as in rung 2.
//
// Limited before: start and end of the kernel.
// Limits now: memory up to 16384 columns. Longer rows are still read twice: at 32768 columns the kernel
// reaches 81% of a copy (H200).
// Uses: as rung 2.
// Costs in clarity: a wait; if it is missing, tests may still pass.
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rows/early_launch.cuh"
#include "solutions/ladders/softmax_backward/softmax_gradient.cuh"

namespace wb {
namespace {

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads)
    early_start(const typename Shape::T* dy,  // (rows, columns)
                const typename Shape::T* y,   // (rows, columns)
                typename Shape::T* dx,        // (rows, columns)
                int columns) {
  using Held = ladder::HeldRow<Shape, typename Shape::T>;
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  hopper::wait_for_previous_kernel();
  const Held dy_row(dy + start, columns), y_row(y + start, columns);
  hopper::let_next_kernel_start();
  const float dot = ladder::meet_sum<Shape::kThreads>(ladder::dot_held<Shape>(dy_row, y_row));
  ladder::store_gradient<Shape>(dx + start, dy_row, y_row, dot);
}

void softmax_early_start(const float* dy, const float* y, float* dx, int rows, int columns,
                         cudaStream_t stream) {
  check_softmax_backward(dy, y, dx, rows, columns);
  const bool wide = rows_fit_pack4(columns, dy, y, dx);
  if (columns > ladder::kLongestHeldPair) {
    ladder::softmax_gradient_walked_kernel<float>(wide)<<<rows, ladder::kWalkingThreads, 0, stream>>>(
        dy, y, dx, columns);
  } else {
    ladder::with_held_pair<float>(columns, wide, [&](auto shape) {
      ladder::launch_early(early_start<decltype(shape)>, {rows, shape.kThreads}, stream, dy, y, dx, columns);
    });
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxBackward, early_start, softmax_early_start);

}  // namespace wb
