// The preconditions that every token_loss launcher checks.
#pragma once

#include "07_tinyllama/token_loss.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

inline void require_token_loss(const bf16* logits, const int* targets, const float* losses, int n, int v) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(v >= 1, v);
  WB_REQUIRE(logits != nullptr && is_aligned(logits), logits);
  WB_REQUIRE(targets != nullptr && is_aligned(targets), targets);
  WB_REQUIRE(losses != nullptr && is_aligned(losses), losses);
}

}  // namespace wb
