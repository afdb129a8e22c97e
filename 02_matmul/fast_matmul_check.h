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
  const auto is_aligned = [](const float* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
  };
  WB_REQUIRE(m >= 1 && m <= kMaxMatmulSize, m);
  WB_REQUIRE(n >= 1 && n <= kMaxMatmulSize && n % 4 == 0, n);
  WB_REQUIRE(k >= 1 && k <= kMaxMatmulSize && k % 4 == 0, k);
  WB_REQUIRE(a != nullptr && is_aligned(a), a);
  WB_REQUIRE(b != nullptr && is_aligned(b), b);
  WB_REQUIRE(c != nullptr && is_aligned(c), c);
  const std::int64_t down = (m - 1) / tile + 1, across = (n - 1) / tile + 1;
  WB_REQUIRE(down * across <= INT32_MAX, down * across);
  return static_cast<unsigned>(down * across);
}

}  // namespace wb
