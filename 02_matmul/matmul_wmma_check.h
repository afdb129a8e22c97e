// What every implementation of matmul_wmma checks before it launches.
#pragma once

#include <cstdint>

#include "02_matmul/matmul_check.h"
#include "common/core/bf16.h"
#include "common/core/check.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract. Returns the number of tiles of
/// (tile, tile) outputs that cover C.
inline unsigned check_matmul_wmma(const bf16* a, const bf16* b, const float* c, int m, int n, int k,
                                  int tile) {
  const auto is_aligned = [](const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer) % 32 == 0;
  };
  const auto is_size = [](int size) { return size >= 16 && size <= kMaxMatmulSize && size % 16 == 0; };
  WB_REQUIRE(is_size(m), m);
  WB_REQUIRE(is_size(n), n);
  WB_REQUIRE(is_size(k), k);
  WB_REQUIRE(a != nullptr && is_aligned(a), a);
  WB_REQUIRE(b != nullptr && is_aligned(b), b);
  WB_REQUIRE(c != nullptr && is_aligned(c), c);
  const std::int64_t down = (m - 1) / tile + 1, across = (n - 1) / tile + 1;
  WB_REQUIRE(down * across <= INT32_MAX, down * across);
  return static_cast<unsigned>(down * across);
}

}  // namespace wb
