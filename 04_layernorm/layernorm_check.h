// What every implementation of this chapter checks before it launches.
#pragma once

#include <cstdint>

#include "04_layernorm/layernorm.h"
#include "common/core/check.h"

namespace wb {

inline bool aligned_as_float(const float* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % alignof(float) == 0;
}

/// Each of these throws wb::Error naming the first argument that breaks the contract.
inline void check_layernorm_sizes(int n, int c) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(c >= 1 && c <= kLayernormMaxColumns, c);
}

inline void check_layernorm_forward(const float* x, const float* gamma, const float* beta, const float* y,
                                    const float* mean, const float* rstd, int n, int c, float epsilon) {
  check_layernorm_sizes(n, c);
  WB_REQUIRE(epsilon >= 0.0f, epsilon);
  WB_REQUIRE(x != nullptr && aligned_as_float(x), x);
  WB_REQUIRE(gamma != nullptr && aligned_as_float(gamma), gamma);
  WB_REQUIRE(beta != nullptr && aligned_as_float(beta), beta);
  WB_REQUIRE(y != nullptr && aligned_as_float(y), y);
  WB_REQUIRE(mean != nullptr && aligned_as_float(mean), mean);
  WB_REQUIRE(rstd != nullptr && aligned_as_float(rstd), rstd);
}

inline void check_bias_layernorm(const float* x, const float* bias, const float* gamma, const float* beta,
                                 const float* y, const float* mean, const float* rstd, int n, int c,
                                 float epsilon) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  WB_REQUIRE(bias != nullptr && aligned_as_float(bias), bias);
}

inline void check_layernorm_backward(const float* dy, const float* x, const float* gamma, const float* mean,
                                     const float* rstd, const float* dx, const float* dgamma,
                                     const float* dbeta, const float* scratch, int n, int c) {
  check_layernorm_sizes(n, c);
  WB_REQUIRE(dy != nullptr && aligned_as_float(dy), dy);
  WB_REQUIRE(x != nullptr && aligned_as_float(x), x);
  WB_REQUIRE(gamma != nullptr && aligned_as_float(gamma), gamma);
  WB_REQUIRE(mean != nullptr && aligned_as_float(mean), mean);
  WB_REQUIRE(rstd != nullptr && aligned_as_float(rstd), rstd);
  WB_REQUIRE(dx != nullptr && aligned_as_float(dx), dx);
  WB_REQUIRE(dgamma != nullptr && aligned_as_float(dgamma), dgamma);
  WB_REQUIRE(dbeta != nullptr && aligned_as_float(dbeta), dbeta);
  WB_REQUIRE(scratch != nullptr && aligned_as_float(scratch), scratch);
}

}  // namespace wb
