// What every implementation of residual_rmsnorm checks before it launches. T is float or bf16.
#pragma once

#include "05_rmsnorm_rope/rmsnorm_check.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract.
template <class T>
void check_residual_rmsnorm(const T* x, const T* residual, const T* weight, const T* sum, const T* y,
                            const float* rstd, int n, int c, float epsilon) {
  check_rmsnorm_forward(x, weight, y, rstd, n, c, epsilon);
  WB_REQUIRE(residual != nullptr && is_aligned(residual), residual);
  WB_REQUIRE(sum != nullptr && is_aligned(sum), sum);
}

}  // namespace wb
