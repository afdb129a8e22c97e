// What every implementation of repeat_kv checks before it launches.
#pragma once

#include "05_rmsnorm_rope/heads_view.h"
#include "common/core/check.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract.
inline void check_repeat_kv_forward(const HeadsView<const float>& x, const float* y, int b, int t, int h,
                                    int d) {
  WB_REQUIRE(b >= 1, b);
  WB_REQUIRE(t >= 1, t);
  WB_REQUIRE(h >= 1, h);
  WB_REQUIRE(d >= 1, d);
  WB_REQUIRE(x.heads >= 1, x.heads);
  WB_REQUIRE(h % x.heads == 0, x.heads);
  WB_REQUIRE(x.data != nullptr, x.data);
  WB_REQUIRE(y != nullptr, y);
}

inline void check_repeat_kv_backward(const float* dy, const HeadsView<float>& dx, int b, int t, int h,
                                     int d) {
  WB_REQUIRE(b >= 1, b);
  WB_REQUIRE(t >= 1, t);
  WB_REQUIRE(h >= 1, h);
  WB_REQUIRE(d >= 1, d);
  WB_REQUIRE(dx.heads >= 1, dx.heads);
  WB_REQUIRE(h % dx.heads == 0, dx.heads);
  WB_REQUIRE(dy != nullptr, dy);
  WB_REQUIRE(dx.data != nullptr, dx.data);
}

}  // namespace wb
