// What every implementation of decode attention checks before it launches anything, and how it divides its
// scratch memory.
#pragma once

#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/decode_attention.h"

namespace wb {

/// Errors: what the contract names throws wb::Error naming the value.
inline void decode_attention_check(const float* q, const HeadsView<const float>& keys,
                                   const HeadsView<const float>& values, const float* out,
                                   const float* scratch, const DecodeAttentionShape& shape) {
  WB_REQUIRE(shape.b >= 1, shape.b);
  WB_REQUIRE(shape.s >= 1, shape.s);
  WB_REQUIRE(shape.h >= 1, shape.h);
  WB_REQUIRE(shape.kv >= 1, shape.kv);
  WB_REQUIRE(shape.h % shape.kv == 0, shape.h);
  WB_REQUIRE(shape.d >= 1 && shape.d <= kMaxHeadWidth, shape.d);
  WB_REQUIRE(std::isfinite(shape.scale), shape.scale);
  attention_rows(shape.b, shape.h, 1);
  WB_REQUIRE(q != nullptr, q);
  WB_REQUIRE(is_aligned(q), q);
  WB_REQUIRE(keys.data != nullptr, keys.data);
  WB_REQUIRE(is_aligned(keys.data), keys.data);
  WB_REQUIRE(keys.heads == shape.kv, keys.heads);
  WB_REQUIRE(values.data != nullptr, values.data);
  WB_REQUIRE(is_aligned(values.data), values.data);
  WB_REQUIRE(values.heads == shape.kv, values.heads);
  WB_REQUIRE(out != nullptr, out);
  WB_REQUIRE(is_aligned(out), out);
  WB_REQUIRE(scratch != nullptr, scratch);
  WB_REQUIRE(is_aligned(scratch), scratch);
}

/// What is known of a query after a piece of the tokens: the three numbers of an online softmax. Row r is
/// query head b * H + h. Passed to kernels by value.
struct DecodeParts {
  float* sum;     // (B * H, pieces, D): of exp(score - max) * value
  float* max;     // (B * H, pieces)
  float* weight;  // (B * H, pieces): sum of exp(score - max)
};

/// The scratch memory by name, for at most kMostDecodePieces pieces.
inline DecodeParts divide_decode_scratch(float* scratch, const DecodeAttentionShape& shape) {
  const std::size_t parts = static_cast<std::size_t>(shape.b) * shape.h * kMostDecodePieces;
  return {scratch, scratch + parts * shape.d, scratch + parts * (shape.d + 1)};
}

}  // namespace wb
