// What every implementation of windowed attention checks before it launches.
#pragma once

#include <cmath>

#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/windowed_attention.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

/// B H T, the rows of the score matrices; more than an int holds throws wb::Error.
inline int windowed_attention_rows(const WindowedAttentionShape& shape) {
  return attention_rows(shape.b, shape.h, shape.t);
}

namespace detail {

inline void check_windowed_attention_shape(const WindowedAttentionShape& shape, const BlendedRope& rope) {
  WB_REQUIRE(shape.b >= 1, shape.b);
  WB_REQUIRE(shape.t >= 1, shape.t);
  WB_REQUIRE(shape.h >= 1, shape.h);
  WB_REQUIRE(shape.kv >= 1, shape.kv);
  WB_REQUIRE(shape.h % shape.kv == 0, shape.h);
  WB_REQUIRE(shape.d >= 2 && shape.d % 2 == 0 && shape.d <= kMaxWindowedHeadWidth, shape.d);
  WB_REQUIRE(std::isfinite(shape.scale), shape.scale);
  WB_REQUIRE(rope.window >= 0, rope.window);
  WB_REQUIRE(rope.band >= 0, rope.band);
  WB_REQUIRE(rope.near_cosine != nullptr && is_aligned(rope.near_cosine), rope.near_cosine);
  WB_REQUIRE(rope.near_sine != nullptr && is_aligned(rope.near_sine), rope.near_sine);
  WB_REQUIRE(rope.far_cosine != nullptr && is_aligned(rope.far_cosine), rope.far_cosine);
  WB_REQUIRE(rope.far_sine != nullptr && is_aligned(rope.far_sine), rope.far_sine);
  windowed_attention_rows(shape);
}

}  // namespace detail

/// Throws wb::Error naming the first argument that breaks the contract.
inline void check_windowed_attention_forward(const float* q, const float* k, const float* v,
                                             const BlendedRope& rope, const float* out, const float* lse,
                                             const WindowedAttentionShape& shape) {
  detail::check_windowed_attention_shape(shape, rope);
  WB_REQUIRE(q != nullptr && is_aligned(q), q);
  WB_REQUIRE(k != nullptr && is_aligned(k), k);
  WB_REQUIRE(v != nullptr && is_aligned(v), v);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);
  WB_REQUIRE(lse != nullptr && is_aligned(lse), lse);
}

/// The same for what backward has besides.
inline void check_windowed_attention_gradients(const float* dout, const float* dq, const float* dk,
                                               const float* dv, const float* delta) {
  WB_REQUIRE(dout != nullptr && is_aligned(dout), dout);
  WB_REQUIRE(dq != nullptr && is_aligned(dq), dq);
  WB_REQUIRE(dk != nullptr && is_aligned(dk), dk);
  WB_REQUIRE(dv != nullptr && is_aligned(dv), dv);
  WB_REQUIRE(delta != nullptr && is_aligned(delta), delta);
}

}  // namespace wb
