// What the wrong kernels of softmax share: the parts of a kernel that are right.
#pragma once

#include <cmath>
#include <cstdint>

#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"

namespace wb::mistake {

inline constexpr int kWarp = 32;
inline constexpr int kThreads = 256;
inline constexpr int kWarps = kThreads / kWarp;
inline constexpr unsigned kAllLanes = 0xffffffffu;

__device__ inline float warp_max(float value) {
  for (int distance = 16; distance > 0; distance /= 2)
    value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, distance));
  return value;
}

__device__ inline float warp_sum(float value) {
  for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(kAllLanes, value, distance);
  return value;
}

__device__ inline float shift_for(float maximum) {
  return maximum == -INFINITY ? 0.0f : maximum;
}

__device__ inline float inverse_of(float sum) {
  return sum == 0.0f ? 0.0f : 1.0f / sum;
}

/// The three passes over a row, with the caller's reductions.
template <class Max, class Sum>
__device__ void softmax_row(const float* x, float* y, int columns, Max block_max, Sum block_sum) {
  const float* in = x + blockIdx.x * static_cast<std::int64_t>(columns);
  float* out = y + blockIdx.x * static_cast<std::int64_t>(columns);
  float maximum = -INFINITY;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) maximum = fmaxf(maximum, in[c]);
  const float shift = shift_for(block_max(maximum));
  float sum = 0.0f;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) sum += expf(in[c] - shift);
  const float inverse = inverse_of(block_sum(sum));
  for (int c = threadIdx.x; c < columns; c += blockDim.x) out[c] = expf(in[c] - shift) * inverse;
}

}  // namespace wb::mistake
