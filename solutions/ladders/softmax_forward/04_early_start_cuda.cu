// Rung 4: the next kernel starts while this one still runs.
// Needs: sm_90
//
// Idea: programmatic dependent launch (dependent_launch.cuh). A block allows the next kernel to start as soon
// as it has issued the loads of its row. When the last blocks of this kernel run, blocks of the next kernel
// are already resident and wait. No time is lost to a launch or to empty multiprocessors between two kernels.
// Everything else is as in rung 3.
//
// Limited before: start and end of the kernel, which at 1024 columns take more than a tenth of the time.
// Limits now: memory: in fp32 92% of a copy at 1024 columns, 97 to 99% from 8192 columns on (H200). In bf16
// the rung is up to 5% slower than rung 2 (README.md).
// Uses: as rung 3.
// Costs in clarity: a wait; if it is missing, tests may still pass.
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rows/early_launch.cuh"
#include "solutions/ladders/softmax_forward/softmax_row.cuh"

namespace wb {
namespace {

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads) early_start(const typename Shape::T* x,  // (rows, columns)
                                                               typename Shape::T* y,        // (rows, columns)
                                                               int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  hopper::wait_for_previous_kernel();
  ladder::HeldRow<Shape> row(x + start, columns);
  hopper::let_next_kernel_start();

  const ladder::MaxAndSum own = ladder::exponentials_of(row);
  const ladder::MaxAndSum all = ladder::meet<Shape::kThreads>(own, ladder::MergeMaxAndSum{});
  const float factor = expf(own.of[0] - ladder::shift_for(all.of[0])) * ladder::inverse_of(all.of[1]);

  row.each([&](float& value) { value *= factor; });
  row.store(y + start, [](const Pack<Shape::kWidth>& pack, int) { return pack; });
}

template <class T>
void softmax_early_start(const T* x, T* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  const bool wide = rows_fit_pack<16 / sizeof(T)>(columns, x, y);
  if (columns > ladder::kLongestHeldRow) {
    ladder::softmax_walked_kernel<T>(wide)<<<rows, ladder::kWalkingThreads, 0, stream>>>(x, y, columns);
  } else {
    ladder::with_held_row<T>(columns, wide, [&](auto shape) {
      ladder::launch_early(early_start<decltype(shape)>, {rows, shape.kThreads}, stream, x, y, columns);
    });
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxForward, early_start, softmax_early_start<float>);
WB_REGISTER(SoftmaxForwardBf16, early_start, softmax_early_start<bf16>);

}  // namespace wb
