// silu(z) = z * sigmoid(z), and its slope.
//
// Finite for every finite z: exp(-z) may overflow to infinity, and 1 / infinity is 0.
#pragma once

#include <cuda_runtime.h>

namespace wb {

__device__ inline float sigmoid(float z) {
  return 1.0f / (1.0f + expf(-z));
}

__device__ inline float silu(float z) {
  return z * sigmoid(z);
}

__device__ inline float silu_slope(float z) {
  const float s = sigmoid(z);
  return s * (1.0f + z * (1.0f - s));
}

}  // namespace wb
