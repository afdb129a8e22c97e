// Rung 5: the loads of the weights are issued with those of the row, and two long rows share a
// multiprocessor.
// Needs: sm_90
//
// Idea: the previous rungs loaded gamma and beta after the reduction, and all threads then waited for a
// cache. Up to 8192 columns (16384 in bf16) a thread has registers for both in addition to the row, and
// issues all three loads together. In short rows of bf16 a thread would have only one load of the row, so a
// block processes two rows, which share the weights and the barriers. Of longer rows half lies in shared
// memory (halved_row.cuh), so that two blocks fit a multiprocessor and one loads while the other waits; their
// weights are loaded one pack ahead.
//
// Limited before: the latency of a cache for gamma and beta, after the barrier, with all threads waiting.
// Limits now: in fp32 memory: 89% of a copy at 1024 columns, 100% at 8192, 94% at 32768 (H200). In bf16 69%,
// 90% and 85%; what limits it there was not examined.
// Uses: 32 to 108 registers; 64 KiB of shared memory if it holds half of a row, 32 KiB in bf16.
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

// Past the last row there is the last row once more: its results are written twice.
template <class Shape, bool kFull, int kRows, class T>
__global__ void __launch_bounds__(Shape::kThreads) held_weights(ladder::LayernormArguments<T> a, int n) {
  const auto row = [&](int r) { return min(blockIdx.x * static_cast<std::int64_t>(kRows) + r, n - 1l); };
  hopper::wait_for_previous_kernel();
  ladder::HeldPacks<Shape, kFull> x[kRows], gamma, beta;
#pragma unroll
  for (int r = 0; r < kRows; ++r) x[r].ask_for(a.x + row(r) * a.c, a.c);
  gamma.ask_for(a.gamma, a.c);
  beta.ask_for(a.beta, a.c);
  hopper::let_next_kernel_start();

  const auto count = static_cast<float>(a.c);
  ladder::Known<kRows> sums = {}, squares = {};
#pragma unroll
  for (int r = 0; r < kRows; ++r) x[r].each(a.c, [&](float value) { sums.of[r] += value; });
  sums = ladder::meet<Shape::kThreads>(sums, ladder::Add{});
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const float mean = sums.of[r] / count;
    x[r].each(a.c, [&](float value) { squares.of[r] += (value - mean) * (value - mean); });
  }
  squares = ladder::meet<Shape::kThreads>(squares, ladder::Add{}, 1);

#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const float mean = sums.of[r] / count, rstd = rsqrtf(squares.of[r] / count + a.epsilon);
    ladder::store_statistics(a, row(r), mean, rstd);
    ladder::store_packs<Shape, kFull>(a.y + row(r) * a.c, a.c, [&](int i, int j) {
      return (x[r].at(i, j) - mean) * rstd * gamma.at(i, j) + beta.at(i, j);
    });
  }
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
    const auto result = ladder::round_to<T>(normalize(ladder::to_floats<T>(x.pack(i)), mean, rstd,
                                                      ladder::to_floats<T>(gamma[i % kAhead]),
                                                      ladder::to_floats<T>(beta[i % kAhead])));
    ask_for_weights(i + kAhead);
    y[x.index(i)] = result;
  }
}

template <class T>
void layernorm_held_weights(const T* x, const T* gamma, const T* beta, T* y, float* mean, float* rstd, int n,
                            int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  const ladder::LayernormArguments<T> a = {x, gamma, beta, y, mean, rstd, c, epsilon};
  const bool wide = rows_fit_pack<16 / sizeof(T)>(c, x, gamma, beta, y);
  using Half = ladder::RowShape<T, 16 / sizeof(T), 2 * sizeof(T), 512>;
  constexpr int kShared = ladder::HalvedRow<Half>::kSharedBytes;
  if (ladder::with_held_packs<T>(c, wide, [&](auto shape, auto is_full) {
        constexpr int kRows = sizeof(T) == 2 && decltype(shape)::kPacks == 1 ? 2 : 1;
        ladder::launch_early(held_weights<decltype(shape), is_full.value, kRows, T>,
                             {(n - 1) / kRows + 1, shape.kThreads}, stream, a, n);
      })) {
  } else if (wide && c <= 2 * Half::kColumns && kShared <= shared_memory_per_block()) {
    auto* kernel = c == 2 * Half::kColumns ? halved_row<Half, true, T> : halved_row<Half, false, T>;
    ladder::launch_early(kernel, {n, Half::kThreads, kShared}, stream, a);
  } else {
    ladder::layernorm_walked_kernel<T>(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(a);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormForward, held_weights, layernorm_held_weights<float>);
WB_REGISTER(LayernormForwardBf16, held_weights, layernorm_held_weights<bf16>);

}  // namespace wb
