// Rung 3: one barrier per row.
//
// Idea: count, mean and squared deviations are reduced together. Each thread computes the deviations from its
// own mean, not the row's, and the merge of two sets accounts for the difference of their means
// (welford.cuh). One barrier is therefore enough.
//
// Limited before: we suspected the second barrier.
// Limits now: as rung 2: the merge takes more instructions than the barrier it saves (README.md).
// Uses: 31 to 64 registers, 48 to 768 bytes of shared memory.
// Costs in clarity: the merge instead of two plain sums.
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/layernorm_forward/layernorm_row.cuh"

namespace wb {
namespace {

template <class Shape, class T>
__global__ void __launch_bounds__(Shape::kThreads) one_meeting(ladder::LayernormArguments<T> arguments) {
  const std::int64_t row = blockIdx.x;
  ladder::HeldRow<Shape> held(arguments.x + row * arguments.c, arguments.c);

  const Moments all = ladder::meet_moments<Shape::kThreads>(ladder::moments_held(held));

  const float rstd = rstd_of(all, arguments.epsilon);
  ladder::store_statistics(arguments, row, all.mean, rstd);
  ladder::store_normalized(held, arguments, row, 0, all.mean, rstd);
}

void layernorm_one_meeting(const float* x, const float* gamma, const float* beta, float* y, float* mean,
                           float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  const ladder::LayernormArguments<float> arguments = {x, gamma, beta, y, mean, rstd, c, epsilon};
  const bool wide = rows_fit_pack4(c, x, gamma, beta, y);
  if (c > ladder::kLongestHeldRow) {
    ladder::layernorm_walked_kernel<float>(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(arguments);
  } else {
    ladder::with_held_row<float>(c, wide, [&](auto shape) {
      one_meeting<decltype(shape), float><<<n, shape.kThreads, 0, stream>>>(arguments);
    });
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormForward, one_meeting, layernorm_one_meeting);

}  // namespace wb
