// What every implementation of rope checks before it launches.
#pragma once

#include <cstdint>

#include "05_rmsnorm_rope/rope.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract.
template <class T>
void check_rope(const HeadsView<T>& q, const HeadsView<T>& k, const float* cosine, const float* sine, int b,
                int t, int d, RopePairing pairing) {
  WB_REQUIRE(b >= 1, b);
  WB_REQUIRE(t >= 1, t);
  WB_REQUIRE(d >= 2 && d % 2 == 0, d);
  WB_REQUIRE(q.heads >= 1, q.heads);
  WB_REQUIRE(k.heads >= 1, k.heads);
  // Room to count all heads, and one step further.
  WB_REQUIRE(static_cast<std::int64_t>(q.heads) + k.heads <= INT32_MAX / 2, q.heads);
  WB_REQUIRE(q.data != nullptr && is_aligned(q.data), q.data);
  WB_REQUIRE(k.data != nullptr && is_aligned(k.data), k.data);
  WB_REQUIRE(cosine != nullptr && is_aligned(cosine), cosine);
  WB_REQUIRE(sine != nullptr && is_aligned(sine), sine);
  WB_REQUIRE(pairing == RopePairing::kHalfSplit || pairing == RopePairing::kInterleaved,
             static_cast<int>(pairing));
}

}  // namespace wb
