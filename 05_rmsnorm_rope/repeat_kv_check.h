// What every implementation of repeat_kv checks before it launches.
#pragma once

#include "05_rmsnorm_rope/heads_view.h"
#include "common/core/check.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract. `view` has K heads, `full` has H.
inline void check_repeat_kv(const HeadsView<const float>& view, const float* full, int b, int t, int h,
                            int d) {
  WB_REQUIRE(b >= 1, b);
  WB_REQUIRE(t >= 1, t);
  WB_REQUIRE(h >= 1, h);
  WB_REQUIRE(d >= 1, d);
  WB_REQUIRE(view.heads >= 1, view.heads);
  WB_REQUIRE(h % view.heads == 0, view.heads);
  WB_REQUIRE(view.data != nullptr, view.data);
  WB_REQUIRE(full != nullptr, full);
}

}  // namespace wb
