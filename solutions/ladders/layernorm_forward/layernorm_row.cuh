// What the rungs of layernorm share: the moments of what a thread holds, and rows of any length.
#pragma once

#include "04_layernorm/welford.cuh"
#include "solutions/ladders/rows/held_row.cuh"
#include "solutions/ladders/rows/meet.cuh"

namespace wb::ladder {

// What all rungs are given.
template <class T>
struct LayernormArguments {
  const T* x;      // (N, C)
  const T* gamma;  // (C)
  const T* beta;   // (C)
  T* y;            // (N, C)
  float* mean;     // (N)
  float* rstd;     // (N)
  int c;
  float epsilon;
};

/// MergeMoments of chapter 04, for threads that meet.
struct MergeKnownMoments {
  __device__ Known<3> operator()(Known<3> a, Known<3> b) const {
    const Moments all = MergeMoments{}({a.of[0], a.of[1], a.of[2]}, {b.of[0], b.of[1], b.of[2]});
    return {{all.count, all.mean, all.squares}};
  }
};

/// Of the values that this thread holds: their mean comes first and the deviations after.
template <class Shape>
__device__ Moments moments_held(HeldRow<Shape>& row) {
  const auto count = static_cast<float>(row.count());
  float sum = 0.0f, squares = 0.0f;
  row.each([&](float value) { sum += value; });
  const float mean = sum / fmaxf(count, 1.0f);
  row.each([&](float value) { squares += (value - mean) * (value - mean); });
  return {count, mean, squares};
}

/// The moments of the row, in every thread that shares it.
template <int kThreads>
__device__ Moments meet_moments(const Moments& mine) {
  const Known<3> all = meet<kThreads>(Known<3>{{mine.count, mine.mean, mine.squares}}, MergeKnownMoments{});
  return {all.of[0], all.of[1], all.of[2]};
}

/// Writes y of a held row, or of a chunk of it that begins at column `first`.
template <class Shape, class T>
__device__ void store_normalized(const HeldRow<Shape>& held, const LayernormArguments<T>& a, std::int64_t row,
                                 int first, float mean, float rstd) {
  held.store(a.y + row * a.c + first, [&](const Pack<Shape::kWidth>& pack, int i) {
    return normalize(pack, mean, rstd, held.same_place(a.gamma + first, i),
                     held.same_place(a.beta + first, i));
  });
}

template <class T>
__device__ void store_statistics(const LayernormArguments<T>& a, std::int64_t row, float mean, float rstd) {
  if (threadIdx.x == 0) {
    a.mean[row] = mean;
    a.rstd[row] = rstd;
  }
}

/// A row of any length by the threads of Shape: read twice, a chunk at a time.
template <class Shape, class T>
__device__ void walk_layernorm(const LayernormArguments<T>& a, std::int64_t row) {
  Moments mine = {};
  walk_row<Shape>(a.x + row * a.c, a.c,
                  [&](HeldRow<Shape>& chunk, int) { mine = MergeMoments{}(mine, moments_held(chunk)); });
  const Moments all = meet_moments<Shape::kThreads>(mine);
  const float rstd = rstd_of(all, a.epsilon);
  store_statistics(a, row, all.mean, rstd);
  walk_row<Shape>(a.x + row * a.c, a.c, [&](HeldRow<Shape>& chunk, int first) {
    store_normalized(chunk, a, row, first, all.mean, rstd);
  });
}

// For rows that no block holds.
template <class Shape, class T>
__global__ void __launch_bounds__(Shape::kThreads) layernorm_walked(LayernormArguments<T> a) {
  walk_layernorm<Shape>(a, blockIdx.x);
}

/// layernorm_walked for a block of kWalkingThreads per row.
template <class T>
auto* layernorm_walked_kernel(bool wide) {
  return wide ? layernorm_walked<Chunk<T, kWalkingThreads, true>, T>
              : layernorm_walked<Chunk<T, kWalkingThreads, false>, T>;
}

}  // namespace wb::ladder
