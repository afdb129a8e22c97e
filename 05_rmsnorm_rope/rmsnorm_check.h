// What every implementation of rmsnorm checks before it launches. T is float or bf16.
#pragma once

#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

/// Each of these throws wb::Error naming the first argument that breaks the contract.
template <class T>
void check_rmsnorm_forward(const T* x, const T* weight, const T* y, const float* rstd, int n, int c,
                           float epsilon) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(c >= 1, c);
  WB_REQUIRE(epsilon >= 0.0f, epsilon);
  WB_REQUIRE(x != nullptr && is_aligned(x), x);
  WB_REQUIRE(weight != nullptr && is_aligned(weight), weight);
  WB_REQUIRE(y != nullptr && is_aligned(y), y);
  WB_REQUIRE(rstd != nullptr && is_aligned(rstd), rstd);
}

template <class T>
void check_rmsnorm_backward(const T* dy, const T* x, const T* weight, const float* rstd, const T* dx,
                            const float* dweight, const float* scratch, int n, int c) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(c >= 1, c);
  WB_REQUIRE(dy != nullptr && is_aligned(dy), dy);
  WB_REQUIRE(x != nullptr && is_aligned(x), x);
  WB_REQUIRE(weight != nullptr && is_aligned(weight), weight);
  WB_REQUIRE(rstd != nullptr && is_aligned(rstd), rstd);
  WB_REQUIRE(dx != nullptr && is_aligned(dx), dx);
  WB_REQUIRE(dweight != nullptr && is_aligned(dweight), dweight);
  WB_REQUIRE(scratch != nullptr && is_aligned(scratch), scratch);
}

}  // namespace wb
