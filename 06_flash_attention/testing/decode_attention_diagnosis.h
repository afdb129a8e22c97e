// What a wrong result of decode attention looks like it was computed from. Tests append it to a failure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "06_flash_attention/testing/decode_attention_cases.h"
#include "common/harness/matcher.h"

namespace wb {

/// Names the mistake behind a wrong out (B, H, D); empty where none of those known fits.
inline std::string explain_decode_attention(std::span<const float> out, const std::vector<double>& q,
                                            const std::vector<double>& keys,
                                            const std::vector<double>& values,
                                            const DecodeAttentionShape& shape) {
  // rows (B, S, K, D) as (B, tokens, H, D), where query head h gets the rows of head_of(h).
  const auto rows_of_heads = [&](const std::vector<double>& rows, int tokens, auto head_of) {
    std::vector<double> result;
    for (int b = 0; b < shape.b; ++b) {
      for (int s = 0; s < tokens; ++s) {
        for (int h = 0; h < shape.h; ++h) {
          const auto row = ((static_cast<std::size_t>(b) * shape.s + s) * shape.kv + head_of(h)) * shape.d;
          result.insert(result.end(), rows.begin() + row, rows.begin() + row + shape.d);
        }
      }
    }
    return result;
  };
  const auto is = [&](float scale, int tokens, auto head_of) {
    DecodeAttentionShape slip = shape;
    slip.scale = scale;
    slip.s = tokens;
    slip.kv = shape.h;
    return looks_like(out, decode_attention_oracle(q, rows_of_heads(keys, tokens, head_of),
                                                   rows_of_heads(values, tokens, head_of), slip));
  };
  const auto right = [&](int h) { return h / (shape.h / shape.kv); };
  if (is(0.0f, shape.s, right)) return "looks like: every token has the same weight: the scores are not used";
  if (is(1.0f, shape.s, right)) return "looks like: the scores are not scaled";
  if (shape.kv > 1) {
    if (is(shape.scale, shape.s, [](int) { return 0; })) {
      return "looks like: the wrong group: every query head reads key head 0";
    }
    if (is(shape.scale, shape.s, [&](int h) { return h % shape.kv; })) {
      return "looks like: the wrong group: query head h reads key head h % K, not h / (H / K)";
    }
  }
  const int whole_tiles = shape.s / 128 * 128, most_short_pieces = 128 * kMostDecodePieces;
  for (const int tokens : {shape.s - 1, whole_tiles, most_short_pieces}) {
    if (tokens > 0 && tokens < shape.s && is(shape.scale, tokens, right)) {
      return "looks like: the tokens from " + std::to_string(tokens) + " on are missing, of " +
             std::to_string(shape.s);
    }
  }
  return {};
}

}  // namespace wb
