// GELU of one number, in the form with tanh.
#pragma once

#include <cuda_runtime.h>

namespace wb {

/// 0.5 z (1 + tanh(u)), as z / (1 + exp(-2 u)), which is the same number. 1 + tanh(u) would lose its digits
/// where tanh(u) is close to -1; here nothing cancels. With the fast exponential and division of the special
/// function unit, whose errors are small beside the rounding to bf16. Far below zero the exponential is
/// infinite and the quotient 0.
__device__ inline float fast_gelu(float z) {
  constexpr float kSqrt2OverPi = 0.7978845608f;
  const float u = kSqrt2OverPi * (z + 0.044715f * z * z * z);
  return __fdividef(z, 1.0f + __expf(-2.0f * u));
}

}  // namespace wb
