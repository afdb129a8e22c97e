// Contract: attention of one new token per sequence against the keys and values of all tokens so far.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

#include "05_rmsnorm_rope/heads_view.h"
#include "06_flash_attention/attention.h"

namespace wb {

struct DecodeAttentionShape {
  int b = 0;
  int s = 0;   // tokens so far, the new one included: rows of the cache that are read
  int h = 0;   // query heads
  int kv = 0;  // K, heads in the cache: divides h
  int d = 0;   // head width, at most kMaxHeadWidth
  float scale = 0.0f;
};

/// Pieces into which an implementation may divide the tokens of a cache, at most.
inline constexpr int kMostDecodePieces = 64;

/// Floats of scratch memory that a call may use: for each query head and piece a weighted sum of values (D),
/// its maximum, and its sum of weights. It grows with B, H and D alone, not with S.
inline constexpr std::size_t decode_attention_scratch_size(const DecodeAttentionShape& shape) {
  return static_cast<std::size_t>(shape.b) * shape.h * kMostDecodePieces * (shape.d + 2);
}

/// out[b, h] = sum_s p[b, h, s] v[b, s, g(h)],  p = softmax_s(scale * q[b, h] . k[b, s, g(h)]),
/// g(h) = h / (H / K): the last row of causal attention over S tokens. Generating text needs no other row,
/// and with a cache of keys and values the work for a token grows with S instead of S^2. The cache may have
/// room for more tokens than S. Its strides then include this room, and nothing past S is read.
///
/// Scratch memory may hold anything before and after the call.
///
/// Errors: a size < 1, h not a multiple of kv, d > kMaxHeadWidth, a scale that is infinite or NaN, heads of a
/// view that are not K, a pointer that is null or not aligned to its elements, or B H > 2^31 - 1 throws
/// wb::Error.
struct DecodeAttention {
  static constexpr const char* kName = "decode_attention";
  using Function = void(const float* q,                 // (B, H, D)
                        HeadsView<const float> keys,    // (B, S, K, D)
                        HeadsView<const float> values,  // (B, S, K, D)
                        float* out,                     // (B, H, D)
                        float* scratch,                 // (decode_attention_scratch_size(shape))
                        const DecodeAttentionShape& shape, cudaStream_t stream);
};

}  // namespace wb
