// What every implementation of softmax checks before it launches.
#pragma once

#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract.
inline void check_softmax_forward(const float* x, const float* y, int rows, int columns) {
  WB_REQUIRE(rows >= 1, rows);
  WB_REQUIRE(columns >= 1, columns);
  WB_REQUIRE(x != nullptr && is_aligned(x), x);
  WB_REQUIRE(y != nullptr && is_aligned(y), y);
}

inline void check_softmax_backward(const float* dy, const float* y, const float* dx, int rows, int columns) {
  WB_REQUIRE(rows >= 1, rows);
  WB_REQUIRE(columns >= 1, columns);
  WB_REQUIRE(dy != nullptr && is_aligned(dy), dy);
  WB_REQUIRE(y != nullptr && is_aligned(y), y);
  WB_REQUIRE(dx != nullptr && is_aligned(dx), dx);
}

}  // namespace wb
