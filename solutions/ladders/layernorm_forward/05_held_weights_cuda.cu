// Rung 5: weights are asked for together with the row, and two long rows share a multiprocessor.
// Needs: sm_90
//
// Idea: the rungs before asked for gamma and beta when the threads had met: then all of them waited for a
// cache. Up to 8192 columns a thread has registers for both beside the row, and asks for all three at once.
// Of longer rows half lies in shared memory (halved_row.cuh), so that two blocks fit a multiprocessor and one
// loads while the other waits.
//
// Limited before: the trip to a cache for gamma and beta, after the meeting, by threads that then all wait.
// Limits now: memory up to 8192 columns: 90% of a copy at 1024, 100% at 8192 (H200). At 32768 columns it is
// slower than chapter 04's solution (74% and 93%), probably because of the weights: 256 KiB for every row of
// 128 KiB.
// Uses: 32 to 64 registers; 64 KiB of shared memory where half of a row is there.
// Costs in clarity: two kernels, for short rows and for long ones.
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/registry.h"
#include "common/core/shared_memory.h"
#include "solutions/ladders/layernorm_forward/held_weights.cuh"
#include "solutions/ladders/rows/early_launch.cuh"
#include "solutions/ladders/rows/halved_row.cuh"

namespace wb {
namespace {

template <class Shape, class T>
__global__ void __launch_bounds__(Shape::kThreads, 2) halved_row(ladder::LayernormArguments<T> a) {
  extern __shared__ __align__(16) unsigned char shared[];
  constexpr int kWidth = Shape::kWidth;
  const std::int64_t row = blockIdx.x;
  hopper::wait_for_previous_kernel();
  const ladder::HalvedRow<Shape> x(a.x + row * a.c, a.c, shared);
  hopper::let_next_kernel_start();

  const auto count = static_cast<float>(a.c);
  float sum = 0.0f, squares = 0.0f;
  x.each([&](float value) { sum += value; });
  const float mean = ladder::meet_sum<Shape::kThreads>(sum) / count;
  x.each([&](float value) { squares += (value - mean) * (value - mean); });
  const float rstd = rsqrtf(ladder::meet_sum<Shape::kThreads>(squares, 1) / count + a.epsilon);

  ladder::store_statistics(a, row, mean, rstd);
  auto* y = reinterpret_cast<Pack<kWidth, T>*>(a.y + row * a.c);
#pragma unroll
  for (int i = 0; i < 2 * Shape::kPacks; ++i) {
    if (!x.is_inside(i)) continue;
    const int at = x.index(i);
    y[at] = normalise(x.pack(i), mean, rstd, ladder::load_words<kWidth>(a.gamma, at),
                      ladder::load_words<kWidth>(a.beta, at));
  }
}

void layernorm_held_weights(const float* x, const float* gamma, const float* beta, float* y, float* mean,
                            float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  const ladder::LayernormArguments<float> a = {x, gamma, beta, y, mean, rstd, c, epsilon};
  const bool wide = rows_fit_pack4(c, x, gamma, beta, y);
  using Half = ladder::RowShape<float, 4, 8, 512>;
  constexpr int kShared = ladder::HalvedRow<Half>::kSharedBytes;
  if (ladder::launch_held_weights(a, n, wide, stream)) {
  } else if (wide && c <= 2 * Half::kColumns && kShared <= shared_memory_per_block()) {
    ladder::launch_early(halved_row<Half, float>, {n, Half::kThreads, kShared}, stream, a);
  } else {
    ladder::layernorm_walked_kernel<float>(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(a);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormForward, held_weights, layernorm_held_weights);

}  // namespace wb
