// RMSNorm of rows of at most 8192 columns, 16384 in bf16, with the row and the weights in registers (compute
// capability 9.0): the kernel of the rung held_weights, which read_twice takes for its shorter rows.
#pragma once

#include "solutions/ladders/rmsnorm_forward/rmsnorm_row.cuh"
#include "solutions/ladders/rows/early_launch.cuh"
#include "solutions/ladders/rows/held_packs.cuh"

namespace wb::ladder {

// Past the last row there is the last row once more: its results are written twice.
template <class Shape, bool kFull, int kRows, class T>
__global__ void __launch_bounds__(Shape::kThreads) held_weights(RmsnormArguments<T> a, int n) {
  HeldPacks<Shape, kFull> x[kRows], weight;
  const auto row = [&](int r) { return min(blockIdx.x * static_cast<std::int64_t>(kRows) + r, n - 1l); };
  hopper::wait_for_previous_kernel();
#pragma unroll
  for (int r = 0; r < kRows; ++r) x[r].ask_for(a.x + row(r) * a.c, a.c);
  weight.ask_for(a.weight, a.c);
  hopper::let_next_kernel_start();

  Known<kRows> squares = {};
#pragma unroll
  for (int r = 0; r < kRows; ++r) x[r].each(a.c, [&](float value) { squares.of[r] += value * value; });
  squares = meet<Shape::kThreads>(squares, Add{});

#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const float rstd = rsqrtf(squares.of[r] / static_cast<float>(a.c) + a.epsilon);
    if (threadIdx.x == 0) a.rstd[row(r)] = rstd;
    store_packs<Shape, kFull>(a.y + row(r) * a.c, a.c,
                              [&](int i, int j) { return x[r].at(i, j) * (rstd * weight.at(i, j)); });
  }
}

/// Launches held_weights where there is a shape for such rows; returns whether there is one.
template <class T>
bool launch_held_weights(const RmsnormArguments<T>& a, int n, bool wide, cudaStream_t stream) {
  return with_held_packs<T>(a.c, wide, [&](auto shape, auto is_full) {
    constexpr int kRows = decltype(shape)::kColumns * sizeof(T) <= 2048 ? 2 : 1;
    launch_early(held_weights<decltype(shape), is_full.value, kRows, T>,
                 {(n - 1) / kRows + 1, shape.kThreads}, stream, a, n);
  });
}

}  // namespace wb::ladder
