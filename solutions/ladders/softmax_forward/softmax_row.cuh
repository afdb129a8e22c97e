// What the rungs of softmax share: maximum and sum of a row as a pair that can be merged, and rows of any
// length.
#pragma once

#include <cmath>

#include "solutions/ladders/rows/held_row.cuh"
#include "solutions/ladders/rows/meet.cuh"

namespace wb::ladder {

// What to subtract before exp. Of only -inf, -inf - -inf would be NaN; -inf - 0 gives exp = 0.
__device__ inline float shift_for(float maximum) {
  return maximum == -INFINITY ? 0.0f : maximum;
}

// 1 / sum, but 0 for a row of only -inf. NaN stays NaN.
__device__ inline float inverse_of(float sum) {
  return sum == 0.0f ? 0.0f : 1.0f / sum;
}

/// The maximum of some values and the sum of exp(value - maximum): {maximum, sum}.
using MaxAndSum = Known<2>;

/// Of two sets together: each sum is rescaled to the common maximum (Milakov and Gimelshein, 2018).
struct MergeMaxAndSum {
  __device__ MaxAndSum operator()(MaxAndSum a, MaxAndSum b) const {
    const float maximum = fmaxf(a.of[0], b.of[0]), shift = shift_for(maximum);
    return {{maximum, a.of[1] * expf(a.of[0] - shift) + b.of[1] * expf(b.of[0] - shift)}};
  }
};

/// Replaces each value that this thread holds by exp(value - its maximum); returns {maximum, sum}.
template <class Shape>
__device__ MaxAndSum exponentials_of(HeldRow<Shape>& row) {
  float maximum = -INFINITY, sum = 0.0f;
  row.each([&](float value) { maximum = fmaxf(maximum, value); });
  const float shift = shift_for(maximum);
  row.each([&](float& value) {
    value = expf(value - shift);
    sum += value;
  });
  return {{maximum, sum}};
}

/// Softmax of a row of any length by the threads of Shape: read twice, a chunk at a time.
template <class Shape>
__device__ void walk_softmax(const typename Shape::T* x,  // (columns)
                             typename Shape::T* y,        // (columns)
                             int columns) {
  MaxAndSum known = {{-INFINITY, 0.0f}};
  walk_row<Shape>(x, columns, [&](HeldRow<Shape>& chunk, int) {
    known = MergeMaxAndSum{}(known, exponentials_of(chunk));
  });
  known = meet<Shape::kThreads>(known, MergeMaxAndSum{});
  const float shift = shift_for(known.of[0]), inverse = inverse_of(known.of[1]);
  walk_row<Shape>(x, columns, [&](HeldRow<Shape>& chunk, int first) {
    chunk.each([&](float& value) { value = expf(value - shift) * inverse; });
    chunk.store(y + first, [](const Pack<Shape::kWidth>& pack, int) { return pack; });
  });
}

// For rows that no block holds.
template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads)
    softmax_walked(const typename Shape::T* x,  // (rows, columns)
                   typename Shape::T* y,        // (rows, columns)
                   int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  walk_softmax<Shape>(x + start, y + start, columns);
}

/// softmax_walked for a block of kWalkingThreads per row.
template <class T>
auto* softmax_walked_kernel(bool wide) {
  return wide ? softmax_walked<Chunk<T, kWalkingThreads, true>>
              : softmax_walked<Chunk<T, kWalkingThreads, false>>;
}

}  // namespace wb::ladder
