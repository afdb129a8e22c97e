// Rung 5: the loads of the weights are issued with those of the row, and two long rows share a
// multiprocessor.
// Needs: sm_90
//
// Idea: the previous rungs loaded gamma and beta after the reduction, and all threads then waited for a
// cache. Up to 8192 columns a thread has registers for both in addition to the row, and issues all three
// loads together. Of longer rows half lies in shared memory (halved_row.cuh), so that two blocks fit a
// multiprocessor and one loads while the other waits; their weights are loaded one pack ahead.
//
// Limited before: the latency of a cache for gamma and beta, after the barrier, with all threads waiting.
// Limits now: memory: 92% of a copy at 1024 columns, 101% at 8192, 97% at 32768 (H100).
// Uses: 32 to 64 registers; 64 KiB of shared memory if it holds half of a row.
// Costs in clarity: two kernels, for short rows and for long ones.
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/registry.h"
#include "common/core/shared_memory.h"
#include "solutions/ladders/layernorm_forward/layernorm_row.cuh"
#include "solutions/ladders/rows/early_launch.cuh"
#include "solutions/ladders/rows/halved_row.cuh"

namespace wb {
namespace {

template <class Shape, bool kFull, class T>
__global__ void __launch_bounds__(Shape::kThreads) held_weights(ladder::LayernormArguments<T> a) {
  const std::int64_t row = blockIdx.x;
  hopper::wait_for_previous_kernel();
  ladder::HeldPacks<Shape, kFull> x, gamma, beta;
  x.ask_for(a.x + row * a.c, a.c);
  gamma.ask_for(a.gamma, a.c);
  beta.ask_for(a.beta, a.c);
  hopper::let_next_kernel_start();

  const auto count = static_cast<float>(a.c);
  float sum = 0.0f, squares = 0.0f;
  x.each(a.c, [&](float value) { sum += value; });
  const float mean = ladder::meet_sum<Shape::kThreads>(sum) / count;
  x.each(a.c, [&](float value) { squares += (value - mean) * (value - mean); });
  const float rstd = rsqrtf(ladder::meet_sum<Shape::kThreads>(squares, 1) / count + a.epsilon);

  ladder::store_statistics(a, row, mean, rstd);
  ladder::store_packs<Shape, kFull>(a.y + row * a.c, a.c, [&](int i, int j) {
    return (x.at(i, j) - mean) * rstd * gamma.at(i, j) + beta.at(i, j);
  });
}

// Weights are loaded a pack before they are needed: the compiler does not move their loads past a store.
constexpr int kAhead = 1;

template <class Shape, bool kFull, class T>
__global__ void __launch_bounds__(Shape::kThreads, 2) halved_row(ladder::LayernormArguments<T> a) {
  extern __shared__ __align__(16) unsigned char shared[];
  constexpr int kWidth = Shape::kWidth;
  const std::int64_t row = blockIdx.x;
  hopper::wait_for_previous_kernel();
  const ladder::HalvedRow<Shape, kFull> x(a.x + row * a.c, a.c, shared);
  hopper::let_next_kernel_start();

  const auto count = static_cast<float>(a.c);
  float sum = 0.0f, squares = 0.0f;
  x.each([&](float value) { sum += value; });
  const float mean = ladder::meet_sum<Shape::kThreads>(sum) / count;
  x.each([&](float value) { squares += (value - mean) * (value - mean); });
  const float rstd = rsqrtf(ladder::meet_sum<Shape::kThreads>(squares, 1) / count + a.epsilon);

  ladder::store_statistics(a, row, mean, rstd);
  auto* y = reinterpret_cast<Pack<kWidth, T>*>(a.y + row * a.c);
  Pack<kWidth, T> gamma[kAhead], beta[kAhead];
  const auto ask_for_weights = [&](int i) {
    if (i >= 2 * Shape::kPacks || !x.is_inside(i)) return;
    gamma[i % kAhead] = ladder::load_words<kWidth>(a.gamma, x.index(i));
    beta[i % kAhead] = ladder::load_words<kWidth>(a.beta, x.index(i));
  };
#pragma unroll
  for (int i = 0; i < kAhead; ++i) ask_for_weights(i);
#pragma unroll
  for (int i = 0; i < 2 * Shape::kPacks; ++i) {
    if (!x.is_inside(i)) continue;
    const auto result = normalise(x.pack(i), mean, rstd, gamma[i % kAhead], beta[i % kAhead]);
    ask_for_weights(i + kAhead);
    y[x.index(i)] = result;
  }
}

void layernorm_held_weights(const float* x, const float* gamma, const float* beta, float* y, float* mean,
                            float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  const ladder::LayernormArguments<float> a = {x, gamma, beta, y, mean, rstd, c, epsilon};
  const bool wide = rows_fit_pack4(c, x, gamma, beta, y);
  using Half = ladder::RowShape<float, 4, 8, 512>;
  constexpr int kShared = ladder::HalvedRow<Half>::kSharedBytes;
  if (ladder::with_held_packs<float>(c, wide, [&](auto shape, auto is_full) {
        ladder::launch_early(held_weights<decltype(shape), is_full.value, float>, {n, shape.kThreads}, stream,
                             a);
      })) {
  } else if (wide && c <= 2 * Half::kColumns && kShared <= shared_memory_per_block()) {
    auto* kernel = c == 2 * Half::kColumns ? halved_row<Half, true, float> : halved_row<Half, false, float>;
    ladder::launch_early(kernel, {n, Half::kThreads, kShared}, stream, a);
  } else {
    ladder::layernorm_walked_kernel<float>(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(a);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormForward, held_weights, layernorm_held_weights);

}  // namespace wb
