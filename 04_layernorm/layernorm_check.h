// What every implementation of this chapter checks before it launches. T is float or bf16.
#pragma once

#include "04_layernorm/layernorm.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

/// Each of these throws wb::Error naming the first argument that breaks the contract.
inline void check_layernorm_sizes(int n, int c) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(c >= 1 && c <= kLayernormMaxColumns, c);
}

template <class T>
void check_layernorm_forward(const T* x, const T* gamma, const T* beta, const T* y, const float* mean,
                             const float* rstd, int n, int c, float epsilon) {
  check_layernorm_sizes(n, c);
  WB_REQUIRE(epsilon >= 0.0f, epsilon);
  WB_REQUIRE(x != nullptr && is_aligned(x), x);
  WB_REQUIRE(gamma != nullptr && is_aligned(gamma), gamma);
  WB_REQUIRE(beta != nullptr && is_aligned(beta), beta);
  WB_REQUIRE(y != nullptr && is_aligned(y), y);
  WB_REQUIRE(mean != nullptr && is_aligned(mean), mean);
  WB_REQUIRE(rstd != nullptr && is_aligned(rstd), rstd);
}

inline void check_bias_layernorm(const float* x, const float* bias, const float* gamma, const float* beta,
                                 const float* y, const float* mean, const float* rstd, int n, int c,
                                 float epsilon) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  WB_REQUIRE(bias != nullptr && is_aligned(bias), bias);
}

template <class T>
void check_layernorm_backward(const T* dy, const T* x, const T* gamma, const float* mean, const float* rstd,
                              const T* dx, const float* dgamma, const float* dbeta, const float* scratch,
                              int n, int c) {
  check_layernorm_sizes(n, c);
  WB_REQUIRE(dy != nullptr && is_aligned(dy), dy);
  WB_REQUIRE(x != nullptr && is_aligned(x), x);
  WB_REQUIRE(gamma != nullptr && is_aligned(gamma), gamma);
  WB_REQUIRE(mean != nullptr && is_aligned(mean), mean);
  WB_REQUIRE(rstd != nullptr && is_aligned(rstd), rstd);
  WB_REQUIRE(dx != nullptr && is_aligned(dx), dx);
  WB_REQUIRE(dgamma != nullptr && is_aligned(dgamma), dgamma);
  WB_REQUIRE(dbeta != nullptr && is_aligned(dbeta), dbeta);
  WB_REQUIRE(scratch != nullptr && is_aligned(scratch), scratch);
}

}  // namespace wb
