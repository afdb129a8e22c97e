// What every implementation of rmsnorm checks before it launches.
#pragma once

#include "common/core/check.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract.
inline void check_rmsnorm_forward(const float* x, const float* weight, const float* y, const float* rstd,
                                  int n, int c, float epsilon) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(c >= 1, c);
  WB_REQUIRE(epsilon >= 0.0f, epsilon);
  WB_REQUIRE(x != nullptr, x);
  WB_REQUIRE(weight != nullptr, weight);
  WB_REQUIRE(y != nullptr, y);
  WB_REQUIRE(rstd != nullptr, rstd);
}

inline void check_rmsnorm_backward(const float* dy, const float* x, const float* weight, const float* rstd,
                                   const float* dx, const float* dweight, const float* scratch, int n,
                                   int c) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(c >= 1, c);
  WB_REQUIRE(dy != nullptr, dy);
  WB_REQUIRE(x != nullptr, x);
  WB_REQUIRE(weight != nullptr, weight);
  WB_REQUIRE(rstd != nullptr, rstd);
  WB_REQUIRE(dx != nullptr, dx);
  WB_REQUIRE(dweight != nullptr, dweight);
  WB_REQUIRE(scratch != nullptr, scratch);
}

}  // namespace wb
