// What every implementation of fast_matmul checks before it launches.
#pragma once

#include <cstdint>

#include "02_matmul/matmul_check.h"
#include "common/core/check.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract. Returns the number of tiles of
/// (tile, tile) outputs that cover C.
inline unsigned check_fast_matmul(const float* a, const float* b, const float* c, int m, int n, int k,
                                  int tile) {
  WB_REQUIRE(m >= 1 && m <= kMaxMatmulSize, m);
  WB_REQUIRE(n >= 1 && n <= kMaxMatmulSize && n % 4 == 0, n);
  WB_REQUIRE(k >= 1 && k <= kMaxMatmulSize && k % 4 == 0, k);
  WB_REQUIRE(a != nullptr && rows_fit_pack4(k, a), a);
  WB_REQUIRE(b != nullptr && rows_fit_pack4(n, b), b);
  WB_REQUIRE(c != nullptr && rows_fit_pack4(n, c), c);
  const std::int64_t down = (m - 1) / tile + 1, across = (n - 1) / tile + 1;
  WB_REQUIRE(down * across <= INT32_MAX, down * across);
  return static_cast<unsigned>(down * across);
}

}  // namespace wb
