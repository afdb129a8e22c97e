// The preconditions that every cross entropy launcher checks.
#pragma once

#include "07_tinyllama/cross_entropy.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

template <class T>
void require_cross_entropy_forward(const T* logits, const int* targets, const float* losses, const float* lse,
                                   int n, int v) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(v >= 1, v);
  WB_REQUIRE(logits != nullptr && is_aligned(logits), logits);
  WB_REQUIRE(targets != nullptr && is_aligned(targets), targets);
  WB_REQUIRE(losses != nullptr && is_aligned(losses), losses);
  WB_REQUIRE(lse != nullptr && is_aligned(lse), lse);
}

template <class T>
void require_cross_entropy_backward(const T* logits, const int* targets, const float* lse, const T* dlogits,
                                    int n, int v) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(v >= 1, v);
  WB_REQUIRE(logits != nullptr && is_aligned(logits), logits);
  WB_REQUIRE(targets != nullptr && is_aligned(targets), targets);
  WB_REQUIRE(lse != nullptr && is_aligned(lse), lse);
  WB_REQUIRE(dlogits != nullptr && is_aligned(dlogits), dlogits);
}

}  // namespace wb
