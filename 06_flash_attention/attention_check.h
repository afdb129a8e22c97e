// What every implementation of attention checks before it launches anything.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "06_flash_attention/attention.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

/// B H T, the rows of the score matrices; more than an int holds throws wb::Error.
inline int attention_rows(int b, int h, int t) {
  constexpr std::int64_t kMost = std::numeric_limits<int>::max();
  const std::int64_t heads = static_cast<std::int64_t>(b) * h;
  WB_REQUIRE(heads <= kMost, heads);
  const std::int64_t rows = heads * t;
  WB_REQUIRE(rows <= kMost, rows);
  return static_cast<int>(rows);
}
inline int attention_rows(const AttentionShape& shape) {
  return attention_rows(shape.b, shape.h, shape.t);
}

/// Errors: a size < 1, h not a multiple of kv, d > kMaxHeadWidth, a scale that is no number, or too many rows
/// throws wb::Error naming the value.
inline void attention_check(const AttentionShape& shape) {
  WB_REQUIRE(shape.b >= 1, shape.b);
  WB_REQUIRE(shape.t >= 1, shape.t);
  WB_REQUIRE(shape.h >= 1, shape.h);
  WB_REQUIRE(shape.kv >= 1, shape.kv);
  WB_REQUIRE(shape.h % shape.kv == 0, shape.h);
  WB_REQUIRE(shape.d >= 1 && shape.d <= kMaxHeadWidth, shape.d);
  WB_REQUIRE(std::isfinite(shape.scale), shape.scale);
  attention_rows(shape);
}

/// One tensor of heads. Its members are called by their names in the message.
#define WB_REQUIRE_HEADS(view, count)             \
  do {                                            \
    WB_REQUIRE(view.data != nullptr, view.data);  \
    WB_REQUIRE(is_aligned(view.data), view.data); \
    WB_REQUIRE(view.heads == count, view.heads);  \
  } while (0)

/// Checks the shape, and the pointers and head counts of a forward pass. Errors: as above.
template <class T>
void attention_check_forward(const HeadsView<const T>& q, const HeadsView<const T>& k,
                             const HeadsView<const T>& v, const HeadsView<const std::type_identity_t<T>>& out,
                             const float* saved, const AttentionShape& shape) {
  attention_check(shape);
  WB_REQUIRE_HEADS(q, shape.h);
  WB_REQUIRE_HEADS(k, shape.kv);
  WB_REQUIRE_HEADS(v, shape.kv);
  WB_REQUIRE_HEADS(out, shape.h);
  WB_REQUIRE(saved != nullptr, saved);
  WB_REQUIRE(is_aligned(saved), saved);
}

/// The same for the arguments that only a backward pass has.
template <class T>
void attention_check_gradients(const HeadsView<const T>& dout, const HeadsView<T>& dq, const HeadsView<T>& dk,
                               const HeadsView<T>& dv, const float* scratch, const AttentionShape& shape) {
  WB_REQUIRE_HEADS(dout, shape.h);
  WB_REQUIRE_HEADS(dq, shape.h);
  WB_REQUIRE_HEADS(dk, shape.kv);
  WB_REQUIRE_HEADS(dv, shape.kv);
  WB_REQUIRE(scratch != nullptr, scratch);
  WB_REQUIRE(is_aligned(scratch), scratch);
}
#undef WB_REQUIRE_HEADS

/// `blocks` as a grid's width; more than a launch can hold throws wb::Error.
inline unsigned int attention_grid(std::int64_t blocks) {
  WB_REQUIRE(blocks <= std::numeric_limits<std::int32_t>::max(), blocks);
  return static_cast<unsigned int>(blocks);
}

}  // namespace wb
