// The exponential of the special function unit, which is one of base 2.
#pragma once

namespace wb::attention {

constexpr float kLog2E = 1.44269504088896341f;

__device__ inline float power_of_two(float exponent) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(exponent));
  return power;
}

}  // namespace wb::attention
