// What every implementation of rope checks before it launches.
#pragma once

#include <cstdint>

#include "05_rmsnorm_rope/rope.h"
#include "common/core/check.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract.
inline void check_rope(const HeadsView<float>& q, const HeadsView<float>& k, const float* cosine,
                       const float* sine, int b, int t, int d, RopePairing pairing) {
  WB_REQUIRE(b >= 1, b);
  WB_REQUIRE(t >= 1, t);
  WB_REQUIRE(d >= 2 && d % 2 == 0, d);
  WB_REQUIRE(q.heads >= 1, q.heads);
  WB_REQUIRE(k.heads >= 1, k.heads);
  WB_REQUIRE(q.data != nullptr, q.data);
  WB_REQUIRE(k.data != nullptr, k.data);
  WB_REQUIRE(cosine != nullptr, cosine);
  WB_REQUIRE(sine != nullptr, sine);
  WB_REQUIRE(pairing == RopePairing::kHalfSplit || pairing == RopePairing::kInterleaved,
             static_cast<int>(pairing));
}

}  // namespace wb
