// What every implementation of softmax checks before it launches.
#pragma once

#include "common/core/check.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract.
inline void check_softmax_forward(const float* x, const float* y, int rows, int columns) {
  WB_REQUIRE(rows >= 1, rows);
  WB_REQUIRE(columns >= 1, columns);
  WB_REQUIRE(x != nullptr, x);
  WB_REQUIRE(y != nullptr, y);
}

inline void check_softmax_backward(const float* dy, const float* y, const float* dx, int rows, int columns) {
  WB_REQUIRE(rows >= 1, rows);
  WB_REQUIRE(columns >= 1, columns);
  WB_REQUIRE(dy != nullptr, dy);
  WB_REQUIRE(y != nullptr, y);
  WB_REQUIRE(dx != nullptr, dx);
}

}  // namespace wb
