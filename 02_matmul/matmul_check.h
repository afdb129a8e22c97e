// What every implementation of Matmul checks before it launches.
#pragma once

#include "02_matmul/matmul.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

/// Largest M, N or K: leaves room for a tile past the end in 32-bit index arithmetic.
inline constexpr int kMaxMatmulSize = 1 << 30;

/// Throws wb::Error naming the first argument that breaks the contract.
template <class T, class Out>
void check_matmul(MatmulLayout layout, const T* a, const T* b, const Out* c, int m, int n, int k) {
  WB_REQUIRE(layout == MatmulLayout::kNN || layout == MatmulLayout::kNT || layout == MatmulLayout::kTN,
             static_cast<int>(layout));
  WB_REQUIRE(m >= 1 && m <= kMaxMatmulSize, m);
  WB_REQUIRE(n >= 1 && n <= kMaxMatmulSize, n);
  WB_REQUIRE(k >= 1 && k <= kMaxMatmulSize, k);
  WB_REQUIRE(a != nullptr && is_aligned(a), a);
  WB_REQUIRE(b != nullptr && is_aligned(b), b);
  WB_REQUIRE(c != nullptr && is_aligned(c), c);
}

}  // namespace wb
