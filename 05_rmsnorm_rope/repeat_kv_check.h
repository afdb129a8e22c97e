// What every implementation of repeat_kv checks before it launches.
#pragma once

#include "05_rmsnorm_rope/heads_view.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract.
template <class T>
void check_repeat_kv_forward(const HeadsView<const T>& x, const T* y, int b, int t, int h, int d) {
  WB_REQUIRE(b >= 1, b);
  WB_REQUIRE(t >= 1, t);
  WB_REQUIRE(h >= 1, h);
  WB_REQUIRE(d >= 1, d);
  WB_REQUIRE(x.heads >= 1, x.heads);
  WB_REQUIRE(h % x.heads == 0, x.heads);
  WB_REQUIRE(x.data != nullptr && is_aligned(x.data), x.data);
  WB_REQUIRE(y != nullptr && is_aligned(y), y);
}

template <class T>
void check_repeat_kv_backward(const T* dy, const HeadsView<T>& dx, int b, int t, int h, int d) {
  WB_REQUIRE(b >= 1, b);
  WB_REQUIRE(t >= 1, t);
  WB_REQUIRE(h >= 1, h);
  WB_REQUIRE(d >= 1, d);
  WB_REQUIRE(dx.heads >= 1, dx.heads);
  WB_REQUIRE(h % dx.heads == 0, dx.heads);
  WB_REQUIRE(dy != nullptr && is_aligned(dy), dy);
  WB_REQUIRE(dx.data != nullptr && is_aligned(dx.data), dx.data);
}

}  // namespace wb
