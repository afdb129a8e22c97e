// Contracts: scaled dot-product attention with grouped queries, and its gradient.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

#include "05_rmsnorm_rope/heads_view.h"
#include "common/core/bf16.h"

namespace wb {

/// out[b, t, h] = sum_s p[b, h, t, s] v[b, s, g(h)],  p = softmax_s(scale * q[b, t, h] . k[b, s, g(h)]),
/// s <= t when causal. g(h) = h / (H / k.heads): k and v may hold K heads, or H after repeat_kv.
struct AttentionShape {
  int b = 0;
  int t = 0;
  int h = 0;   // query heads
  int kv = 0;  // K, heads stored in k and v: divides h
  int d = 0;   // head width, at most kMaxHeadWidth
  bool causal = true;
  float scale = 0.0f;  // 1 / sqrt(D) in a Llama
};
inline constexpr int kMaxHeadWidth = 128;

/// Memory an implementation asks its caller for, in floats.
struct AttentionMemory {
  std::size_t saved = 0;    // written by forward, read by backward: one a layer
  std::size_t scratch = 0;  // used within one backward call: shared by all layers
};

/// How much memory the implementation of the same name needs. flash: saved (B, H, T), the log-sum-exp;
/// materialized: saved (B, H, T, T), the probabilities.
struct AttentionMemoryUse {
  static constexpr const char* kName = "attention_memory";
  using Function = AttentionMemory(const AttentionShape& shape);
};

/// Errors: a size < 1, h not a multiple of kv, d > kMaxHeadWidth, a scale that is infinite or NaN, or a
/// pointer that is null or not aligned to its elements throws wb::Error. So does more than 2^31 - 1 rows
/// B H T, and a GPU whose blocks get too little shared memory.
struct AttentionForward {
  static constexpr const char* kName = "attention_forward";
  using Function = void(HeadsView<const float> q,  // (B, T, H, D)
                        HeadsView<const float> k,  // (B, T, K, D)
                        HeadsView<const float> v,  // (B, T, K, D)
                        HeadsView<float> out,      // (B, T, H, D)
                        float* saved,              // (AttentionMemory::saved)
                        const AttentionShape& shape, cudaStream_t stream);
};

/// Overwrites dq, dk, dv; dk and dv sum over the query heads of a group. Deterministic.
/// Errors: as forward.
struct AttentionBackward {
  static constexpr const char* kName = "attention_backward";
  using Function = void(HeadsView<const float> dout,  // (B, T, H, D)
                        HeadsView<const float> q,     // (B, T, H, D)
                        HeadsView<const float> k,     // (B, T, K, D)
                        HeadsView<const float> v,     // (B, T, K, D)
                        HeadsView<const float> out,   // (B, T, H, D)
                        const float* saved,           // (AttentionMemory::saved)
                        HeadsView<float> dq,          // (B, T, H, D)
                        HeadsView<float> dk,          // (B, T, K, D)
                        HeadsView<float> dv,          // (B, T, K, D)
                        float* scratch,               // (AttentionMemory::scratch)
                        const AttentionShape& shape, cudaStream_t stream);
};

/// The same with every tensor of heads stored as bf16. Arithmetic, saved and scratch stay fp32, except what
/// AttentionArithmeticBf16 says.
struct AttentionMemoryUseBf16 {
  static constexpr const char* kName = "attention_memory_bf16";
  using Function = AttentionMemoryUse::Function;
};

/// Where the arithmetic of an implementation for tensor cores departs from fp32 in a fixed order. Who
/// registers nothing departs nowhere.
struct AttentionArithmetic {
  int p_roundings = 0;     // to bf16, of each probability before it is multiplied by
  int ds_roundings = 0;    // of each dS
  bool any_order = false;  // sums are added as blocks come: not deterministic
};
struct AttentionArithmeticBf16 {
  static constexpr const char* kName = "attention_arithmetic_bf16";
  using Function = AttentionArithmetic();
};

struct AttentionForwardBf16 {
  static constexpr const char* kName = "attention_forward_bf16";
  using Function = void(HeadsView<const bf16> q,  // (B, T, H, D)
                        HeadsView<const bf16> k,  // (B, T, K, D)
                        HeadsView<const bf16> v,  // (B, T, K, D)
                        HeadsView<bf16> out,      // (B, T, H, D)
                        float* saved,             // (AttentionMemory::saved)
                        const AttentionShape& shape, cudaStream_t stream);
};

struct AttentionBackwardBf16 {
  static constexpr const char* kName = "attention_backward_bf16";
  using Function = void(HeadsView<const bf16> dout,  // (B, T, H, D)
                        HeadsView<const bf16> q,     // (B, T, H, D)
                        HeadsView<const bf16> k,     // (B, T, K, D)
                        HeadsView<const bf16> v,     // (B, T, K, D)
                        HeadsView<const bf16> out,   // (B, T, H, D)
                        const float* saved,          // (AttentionMemory::saved)
                        HeadsView<bf16> dq,          // (B, T, H, D)
                        HeadsView<bf16> dk,          // (B, T, K, D)
                        HeadsView<bf16> dv,          // (B, T, K, D)
                        float* scratch,              // (AttentionMemory::scratch)
                        const AttentionShape& shape, cudaStream_t stream);
};

}  // namespace wb
