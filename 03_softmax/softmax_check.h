// What every implementation of softmax checks before it launches.
#pragma once

#include <cstdint>

#include "common/core/check.h"

namespace wb {

/// Whether a float may be read at this address.
inline bool softmax_aligned(const float* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % alignof(float) == 0;
}

/// Throws wb::Error naming the first argument that breaks the contract.
inline void check_softmax_forward(const float* x, const float* y, int rows, int columns) {
  WB_REQUIRE(rows >= 1, rows);
  WB_REQUIRE(columns >= 1, columns);
  WB_REQUIRE(x != nullptr && softmax_aligned(x), x);
  WB_REQUIRE(y != nullptr && softmax_aligned(y), y);
}

inline void check_softmax_backward(const float* dy, const float* y, const float* dx, int rows, int columns) {
  WB_REQUIRE(rows >= 1, rows);
  WB_REQUIRE(columns >= 1, columns);
  WB_REQUIRE(dy != nullptr && softmax_aligned(dy), dy);
  WB_REQUIRE(y != nullptr && softmax_aligned(y), y);
  WB_REQUIRE(dx != nullptr && softmax_aligned(dx), dx);
}

}  // namespace wb
