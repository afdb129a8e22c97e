// The preconditions that every embedding launcher checks.
#pragma once

#include "07_tinyllama/embedding.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

template <class T>
void require_embedding_forward(const int* tokens, const T* weight, const T* out, int n, int c) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(c >= 1, c);
  WB_REQUIRE(tokens != nullptr && is_aligned(tokens), tokens);
  WB_REQUIRE(weight != nullptr && is_aligned(weight), weight);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);
}

template <class T>
void require_embedding_backward(const int* tokens, const T* dout, const float* dweight, int n, int c) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(c >= 1, c);
  WB_REQUIRE(tokens != nullptr && is_aligned(tokens), tokens);
  WB_REQUIRE(dout != nullptr && is_aligned(dout), dout);
  WB_REQUIRE(dweight != nullptr && is_aligned(dweight), dweight);
}

}  // namespace wb
