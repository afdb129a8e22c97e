// Contracts: attention with two rotary encodings, blended by distance, and its gradient.
#pragma once

#include <cuda_runtime.h>

namespace wb {

struct WindowedAttentionShape {
  int b = 0;
  int t = 0;
  int h = 0;   // query heads
  int kv = 0;  // key/value heads, K: divides h; query head h reads head h / (h / kv)
  int d = 0;   // head width: even, at most kMaxWindowedHeadWidth
  bool causal = true;
  float scale = 0.0f;  // 1 / sqrt(D) in a Llama
};
inline constexpr int kMaxWindowedHeadWidth = 128;

/// Two rotary encodings and how a score passes from one to the other as query i and key j get further apart:
///
///   w(i, j) = clamp((|i - j| - window) / band, 0, 1), the weight of the far encoding.
///
/// Up to `window` only the near encoding counts, from `window + band` on only the far one. band 0 is a hard
/// switch: the far encoding from window + 1 on (as is band 1).
/// The tables are those of make_rope_table(t, d, base) of chapter 05, on the device, one for each base; pair
/// c is features (c, c + D/2). Where T <= window + 1 no pair is far, and what the far tables hold does not
/// matter.
struct BlendedRope {
  const float* near_cosine = nullptr;  // (T, D/2)
  const float* near_sine = nullptr;    // (T, D/2)
  const float* far_cosine = nullptr;   // (T, D/2)
  const float* far_sine = nullptr;     // (T, D/2)
  int window = 0;                      // at least 0
  int band = 0;                        // at least 0
};

/// s(i, j) = scale * [(1 - w) <near_i(q_i), near_j(k_j)> + w <far_i(q_i), far_j(k_j)>],  j <= i when causal;
/// out_i = sum_j p(i, j) v_j,  p = softmax_j(s),  lse_i = log sum_j exp(s(i, j)).
/// q and k come unrotated: both rotations are part of the operation. Memory: O(T), never (T, T).
/// Errors: a size < 1, h not a multiple of kv, d odd or > kMaxWindowedHeadWidth, a scale that is infinite or
/// NaN, window or band < 0, a null pointer, or one not aligned to a float throws wb::Error. So does more than
/// 2^31 - 1 rows B H T, and a GPU whose blocks get too little shared memory.
struct WindowedAttentionForward {
  static constexpr const char* kName = "windowed_attention_forward";
  using Function = void(const float* q,  // (B, T, H, D)
                        const float* k,  // (B, T, K, D)
                        const float* v,  // (B, T, K, D)
                        const BlendedRope& rope,
                        float* out,  // (B, T, H, D)
                        float* lse,  // (B, H, T), for backward
                        const WindowedAttentionShape& shape, cudaStream_t stream);
};

/// Overwrites dq, dk, dv: the gradients with respect to the unrotated q and k, and v; dk and dv sum over the
/// query heads of a group. Deterministic. Errors: as forward.
struct WindowedAttentionBackward {
  static constexpr const char* kName = "windowed_attention_backward";
  using Function = void(const float* dout,  // (B, T, H, D)
                        const float* q,     // (B, T, H, D)
                        const float* k,     // (B, T, K, D)
                        const float* v,     // (B, T, K, D)
                        const BlendedRope& rope,
                        const float* out,  // (B, T, H, D)
                        const float* lse,  // (B, H, T)
                        float* dq,         // (B, T, H, D)
                        float* dk,         // (B, T, K, D)
                        float* dv,         // (B, T, K, D)
                        float* delta,      // (B, H, T), scratch
                        const WindowedAttentionShape& shape, cudaStream_t stream);
};

}  // namespace wb
