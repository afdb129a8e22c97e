// Code that the forward kernels of rmsnorm and residual_rmsnorm share: how a row is divided, and its
// arithmetic.
#pragma once

#include "common/core/float_pack.cuh"

namespace wb {

inline constexpr int kShortMaxThreads = 256;
template <class T>
inline constexpr int kFewNumbers = 32 / sizeof(T);  // of a short row in each thread: two loads of 16 bytes
inline constexpr int kManyNumbers = 32;
inline constexpr int kLongestInRegisters = 1024 * kManyNumbers;

template <int kWidth>
__device__ float sum_of_squares(const Pack<kWidth>& pack) {
  float sum = 0.0f;
  for (const float value : pack.values) sum += value * value;
  return sum;
}

/// y of a pack. The weight comes by value: it is loaded as one.
template <class T, int kWidth>
__device__ Pack<kWidth, T> scaled(Pack<kWidth> x, float rstd, Pack<kWidth, T> weight) {
  for (int j = 0; j < kWidth; ++j) x.values[j] *= rstd * to_float(weight.values[j]);
  return rounded_to<T>(x);
}

}  // namespace wb
