// What every implementation of attention checks before it launches anything.
#pragma once

#include <cstdint>
#include <limits>

#include "06_flash_attention/attention.h"
#include "common/core/check.h"

namespace wb {

/// Errors: a size < 1, h not a multiple of kv, or d > kMaxHeadWidth throws wb::Error naming the value.
inline void attention_check(const AttentionShape& shape) {
  WB_REQUIRE(shape.b >= 1, shape.b);
  WB_REQUIRE(shape.t >= 1, shape.t);
  WB_REQUIRE(shape.h >= 1, shape.h);
  WB_REQUIRE(shape.kv >= 1, shape.kv);
  WB_REQUIRE(shape.h % shape.kv == 0, shape.h);
  WB_REQUIRE(shape.d >= 1 && shape.d <= kMaxHeadWidth, shape.d);
}

/// Checks the shape, and the pointers and head counts of a forward pass. Errors: as above.
inline void attention_check_forward(const HeadsView<const float>& q, const HeadsView<const float>& k,
                                    const HeadsView<const float>& v, const HeadsView<const float>& out,
                                    const float* saved, const AttentionShape& shape) {
  attention_check(shape);
  WB_REQUIRE(q.data != nullptr, q.data);
  WB_REQUIRE(k.data != nullptr, k.data);
  WB_REQUIRE(v.data != nullptr, v.data);
  WB_REQUIRE(out.data != nullptr, out.data);
  WB_REQUIRE(saved != nullptr, saved);
  WB_REQUIRE(q.heads == shape.h, q.heads);
  WB_REQUIRE(k.heads == shape.kv, k.heads);
  WB_REQUIRE(v.heads == shape.kv, v.heads);
  WB_REQUIRE(out.heads == shape.h, out.heads);
}

/// The same for the arguments that only a backward pass has.
inline void attention_check_gradients(const HeadsView<const float>& dout, const HeadsView<float>& dq,
                                      const HeadsView<float>& dk, const HeadsView<float>& dv,
                                      const float* scratch, const AttentionShape& shape) {
  WB_REQUIRE(dout.data != nullptr, dout.data);
  WB_REQUIRE(dq.data != nullptr, dq.data);
  WB_REQUIRE(dk.data != nullptr, dk.data);
  WB_REQUIRE(dv.data != nullptr, dv.data);
  WB_REQUIRE(scratch != nullptr, scratch);
  WB_REQUIRE(dout.heads == shape.h, dout.heads);
  WB_REQUIRE(dq.heads == shape.h, dq.heads);
  WB_REQUIRE(dk.heads == shape.kv, dk.heads);
  WB_REQUIRE(dv.heads == shape.kv, dv.heads);
}

/// B H T, the rows of the score matrices; more than an int holds throws wb::Error.
inline int attention_rows(const AttentionShape& shape) {
  const std::int64_t rows = static_cast<std::int64_t>(shape.b) * shape.h * shape.t;
  WB_REQUIRE(rows <= std::numeric_limits<int>::max(), rows);
  return static_cast<int>(rows);
}

/// `blocks` as a grid's width; more than a launch can hold throws wb::Error.
inline unsigned int attention_grid(std::int64_t blocks) {
  WB_REQUIRE(blocks <= std::numeric_limits<std::int32_t>::max(), blocks);
  return static_cast<unsigned int>(blocks);
}

}  // namespace wb
