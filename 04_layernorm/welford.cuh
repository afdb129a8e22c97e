// Mean and variance in one pass, without the difference of two large numbers.
//
// The sum of squared deviations of two sets together is the sum of those of each set, plus a term for the
// difference of their means:
//
//   mean = mean_a + delta n_b / n          delta = mean_b - mean_a,  n = n_a + n_b
//   squares = squares_a + squares_b + delta^2 n_a n_b / n
//
// (Chan, Golub and LeVeque, 1979). With a single value as b this is Welford's update (1962). Only deviations
// are squared. E[x^2] - E[x]^2 squares the values: with a mean of 10000 both terms are near 1e8, where floats
// are multiples of 8, and a variance of 1 is lost.
#pragma once

#include <cuda_runtime.h>

#include "04_layernorm/moments.cuh"
#include "common/core/pack.h"

namespace wb {

struct MergeMoments {
  __device__ Moments operator()(const Moments& a, const Moments& b) const {
    const float count = a.count + b.count;
    // Threads past the end of a short row have no values: 0 / 1, not 0 / 0.
    const float share = __fdividef(b.count, fmaxf(count, 1.0f));
    const float delta = b.mean - a.mean;
    return {count, a.mean + delta * share, a.squares + b.squares + delta * delta * a.count * share};
  }
};

/// Of one pack: its values are in registers, so their mean comes first and the deviations after.
template <int kWidth>
__device__ Moments moments_of(const Pack<kWidth>& pack) {
  float sum = 0.0f, squares = 0.0f;
  for (const float value : pack.values) sum += value;
  const float mean = sum / kWidth;
  for (const float value : pack.values) squares += (value - mean) * (value - mean);
  return {static_cast<float>(kWidth), mean, squares};
}

/// 1 / sqrt(variance + epsilon), the variance over all values: divided by their count.
__device__ inline float rstd_of(const Moments& row, float epsilon) {
  return rsqrtf(row.squares / row.count + epsilon);
}

template <int kWidth>
__device__ Pack<kWidth> normalize(const Pack<kWidth>& x, float mean, float rstd, const Pack<kWidth>& gamma,
                                  const Pack<kWidth>& beta) {
  Pack<kWidth> y;
  for (int j = 0; j < kWidth; ++j) {
    y.values[j] = (x.values[j] - mean) * rstd * gamma.values[j] + beta.values[j];
  }
  return y;
}

}  // namespace wb
