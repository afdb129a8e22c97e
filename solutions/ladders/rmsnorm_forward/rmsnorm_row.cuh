// What the rungs of rmsnorm share: the squares of what a thread holds, and rows of any length. T is float or
// bf16.
#pragma once

#include "solutions/ladders/rows/held_row.cuh"
#include "solutions/ladders/rows/meet.cuh"

namespace wb::ladder {

// What all rungs are given.
template <class T>
struct RmsnormArguments {
  const T* x;       // (N, C)
  const T* weight;  // (C)
  T* y;             // (N, C)
  float* rstd;      // (N)
  int c;
  float epsilon;
};

template <class Shape>
__device__ float squares_held(HeldRow<Shape>& row) {
  float squares = 0.0f;
  row.each([&](float value) { squares += value * value; });
  return squares;
}

/// 1 / root mean square, in every thread that shares the row; one of them stores it. `squares`: of its own
/// values.
template <int kThreads, class T>
__device__ float meet_rstd(float squares, const RmsnormArguments<T>& a, std::int64_t row) {
  const float rstd = rsqrtf(meet_sum<kThreads>(squares) / static_cast<float>(a.c) + a.epsilon);
  if (threadIdx.x == 0) a.rstd[row] = rstd;
  return rstd;
}

/// y of a pack.
template <int kWidth>
__device__ Pack<kWidth> scale(const Pack<kWidth>& pack, float rstd, const Pack<kWidth>& weight) {
  Pack<kWidth> y;
  for (int j = 0; j < kWidth; ++j) y.values[j] = pack.values[j] * (rstd * weight.values[j]);
  return y;
}

/// Writes y of a held row, or of a chunk of it that begins at column `first`.
template <class Shape, class T>
__device__ void store_scaled(const HeldRow<Shape>& held, const RmsnormArguments<T>& a, std::int64_t row,
                             int first, float rstd) {
  held.store(a.y + row * a.c + first, [&](const Pack<Shape::kWidth>& pack, int i) {
    return scale(pack, rstd, held.same_place(a.weight + first, i));
  });
}

/// A row of any length by the threads of Shape: read twice, a chunk at a time.
template <class Shape, class T>
__device__ void walk_rmsnorm(const RmsnormArguments<T>& a, std::int64_t row) {
  float squares = 0.0f;
  walk_row<Shape>(a.x + row * a.c, a.c, [&](HeldRow<Shape>& chunk, int) { squares += squares_held(chunk); });
  const float rstd = meet_rstd<Shape::kThreads>(squares, a, row);
  walk_row<Shape>(a.x + row * a.c, a.c,
                  [&](HeldRow<Shape>& chunk, int first) { store_scaled(chunk, a, row, first, rstd); });
}

// For rows that no block holds.
template <class Shape, class T>
__global__ void __launch_bounds__(Shape::kThreads) rmsnorm_walked(RmsnormArguments<T> a) {
  walk_rmsnorm<Shape>(a, blockIdx.x);
}

/// rmsnorm_walked for a block of kWalkingThreads per row.
template <class T>
auto* rmsnorm_walked_kernel(bool wide) {
  return wide ? rmsnorm_walked<Chunk<T, kWalkingThreads, true>, T>
              : rmsnorm_walked<Chunk<T, kWalkingThreads, false>, T>;
}

}  // namespace wb::ladder
