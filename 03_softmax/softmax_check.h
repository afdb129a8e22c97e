// What every implementation of softmax checks before it launches. T is float or bf16.
#pragma once

#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract.
template <class T>
void check_softmax_forward(const T* x, const T* y, int rows, int columns) {
  WB_REQUIRE(rows >= 1, rows);
  WB_REQUIRE(columns >= 1, columns);
  WB_REQUIRE(x != nullptr && is_aligned(x), x);
  WB_REQUIRE(y != nullptr && is_aligned(y), y);
}

template <class T>
void check_softmax_backward(const T* dy, const T* y, const T* dx, int rows, int columns) {
  WB_REQUIRE(rows >= 1, rows);
  WB_REQUIRE(columns >= 1, columns);
  WB_REQUIRE(dy != nullptr && is_aligned(dy), dy);
  WB_REQUIRE(y != nullptr && is_aligned(y), y);
  WB_REQUIRE(dx != nullptr && is_aligned(dx), dx);
}

}  // namespace wb
