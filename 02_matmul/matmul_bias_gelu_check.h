// What every implementation of MatmulBiasGeluBf16 checks before it launches.
#pragma once

#include "02_matmul/matmul_bias_gelu.h"
#include "02_matmul/matmul_check.h"

namespace wb {

inline void require_matmul_bias_gelu(const bf16* x, const bf16* w, const bf16* bias, const bf16* y, int m,
                                     int n, int k) {
  WB_REQUIRE(m >= 1 && m <= kMaxMatmulSize, m);
  WB_REQUIRE(n >= 1 && n <= kMaxMatmulSize, n);
  WB_REQUIRE(k >= 1 && k <= kMaxMatmulSize, k);
  WB_REQUIRE(x != nullptr && is_aligned(x), x);
  WB_REQUIRE(w != nullptr && is_aligned(w), w);
  WB_REQUIRE(bias != nullptr && is_aligned(bias), bias);
  WB_REQUIRE(y != nullptr && is_aligned(y), y);
}

}  // namespace wb
