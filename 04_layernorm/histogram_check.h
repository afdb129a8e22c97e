// What every implementation of histogram checks before it launches.
#pragma once

#include <cstdint>

#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract.
inline void check_histogram(const int* x, const int* counts, std::int64_t n, int bins) {
  WB_REQUIRE(n >= 0 && n <= INT32_MAX, n);
  WB_REQUIRE(bins >= 1, bins);
  WB_REQUIRE(counts != nullptr && is_aligned(counts), counts);
  WB_REQUIRE(n == 0 || (x != nullptr && is_aligned(x)), x);
}

}  // namespace wb
