// bfloat16 beside float: kernels are templates over the type in memory, and compute in float either way.
//
// bf16 has 8 bits of exponent, as float has, and 7 of mantissa: the same range, two to three decimal digits,
// half the bytes. So values may be stored in bf16, but must not be added up in it.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

namespace wb {

using bf16 = __nv_bfloat16;

__host__ __device__ inline float to_float(float value) {
  return value;
}
__host__ __device__ inline float to_float(bf16 value) {
  return __bfloat162float(value);
}

/// The nearest number that T, float or bf16, can hold; ties to even.
template <class T>
__host__ __device__ inline T from_float(float value);
template <>
__host__ __device__ inline float from_float<float>(float value) {
  return value;
}
template <>
__host__ __device__ inline bf16 from_float<bf16>(float value) {
  return __float2bfloat16_rn(value);
}

}  // namespace wb
