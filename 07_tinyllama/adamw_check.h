// The preconditions that every AdamW launcher checks.
#pragma once

#include "07_tinyllama/adamw.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

inline void require_adamw(const float* parameters, const float* gradients, const float* m, const float* v,
                          std::int64_t n, int step) {
  WB_REQUIRE(n >= 0, n);
  WB_REQUIRE(step >= 1, step);
  if (n == 0) return;  // nothing to do, and nothing to point at
  WB_REQUIRE(parameters != nullptr && is_aligned(parameters), parameters);
  WB_REQUIRE(gradients != nullptr && is_aligned(gradients), gradients);
  WB_REQUIRE(m != nullptr && is_aligned(m), m);
  WB_REQUIRE(v != nullptr && is_aligned(v), v);
}

}  // namespace wb
