// What every implementation of dgamma checks before it launches.
#pragma once

#include "04_layernorm/layernorm_check.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract.
inline void check_dgamma(const float* dy, const float* x, const float* mean, const float* rstd,
                         const float* dgamma, int n, int c) {
  check_layernorm_sizes(n, c);
  WB_REQUIRE(dy != nullptr && is_aligned(dy), dy);
  WB_REQUIRE(x != nullptr && is_aligned(x), x);
  WB_REQUIRE(mean != nullptr && is_aligned(mean), mean);
  WB_REQUIRE(rstd != nullptr && is_aligned(rstd), rstd);
  WB_REQUIRE(dgamma != nullptr && is_aligned(dgamma), dgamma);
}

}  // namespace wb
