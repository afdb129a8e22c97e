// Layernorm of rows of at most 8192 columns, with the row and the weights in registers (compute capability
// 9.0): what the rungs held_weights and kept_weights share.
#pragma once

#include "solutions/ladders/layernorm_forward/layernorm_row.cuh"
#include "solutions/ladders/rows/early_launch.cuh"
#include "solutions/ladders/rows/held_packs.cuh"

namespace wb::ladder {

template <class Shape, bool kFull, class T>
__global__ void __launch_bounds__(Shape::kThreads) held_weights(LayernormArguments<T> a) {
  const std::int64_t row = blockIdx.x;
  hopper::wait_for_previous_kernel();
  HeldPacks<Shape, kFull> x, gamma, beta;
  x.ask_for(a.x + row * a.c, a.c);
  gamma.ask_for(a.gamma, a.c);
  beta.ask_for(a.beta, a.c);
  hopper::let_next_kernel_start();

  const auto count = static_cast<float>(a.c);
  float sum = 0.0f, squares = 0.0f;
  x.each(a.c, [&](float value) { sum += value; });
  const float mean = meet_sum<Shape::kThreads>(sum) / count;
  x.each(a.c, [&](float value) { squares += (value - mean) * (value - mean); });
  const float rstd = rsqrtf(meet_sum<Shape::kThreads>(squares, 1) / count + a.epsilon);

  store_statistics(a, row, mean, rstd);
  store_packs<Shape, kFull>(a.y + row * a.c, a.c, [&](int i, int j) {
    return (x.at(i, j) - mean) * rstd * gamma.at(i, j) + beta.at(i, j);
  });
}

/// Launches held_weights where there is a shape for such rows; returns whether there is one.
inline bool launch_held_weights(const LayernormArguments<float>& a, int n, bool wide, cudaStream_t stream) {
  return with_held_packs<float>(a.c, wide, [&](auto shape, auto is_full) {
    launch_early(held_weights<decltype(shape), is_full.value, float>, {n, shape.kThreads}, stream, a);
  });
}

}  // namespace wb::ladder
