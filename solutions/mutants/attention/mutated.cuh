// What the mutants of attention share: right kernels, one thread per query or key, made of small functions. A
// mutant derives from them and gets one function wrong.
#pragma once

#include <cmath>
#include <cstdint>

#include "06_flash_attention/attention.h"
#include "06_flash_attention/attention_heads.cuh"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb::mutant {

// The last warp loads for all. It has no query of its own in short sequences, so that a missing barrier shows
// on a GPU as well: there is no keeping step by accident.
inline constexpr int kThreads = 128;
inline constexpr int kLoaders = 32;
inline constexpr int kTile = 32;

struct Forward {
  static __device__ float scale(const AttentionShape& shape) { return shape.scale; }
  static __device__ bool sees(int query, int key, const AttentionShape& shape) {
    return !shape.causal || key <= query;
  }
  static __device__ int kv_head(int h, const AttentionShape& shape) { return h / (shape.h / shape.kv); }
  static __device__ float maximum(float so_far, float score) { return fmaxf(so_far, score); }
  /// What both sums are multiplied with when the maximum grows from `old`.
  static __device__ float correction(float old, float maximum) { return expf(old - maximum); }
  static __device__ float correction_of_weights(float old, float maximum) { return expf(old - maximum); }
  static __device__ float log_sum_exp(float maximum, float weights) { return maximum + logf(weights); }
  static __device__ void wait_before_loading() { __syncthreads(); }
  static __device__ void wait_after_loading() { __syncthreads(); }
};

template <class Mutant>
__global__ void attention_forward(HeadsView<const float> q,  // (B, T, H, D)
                                  HeadsView<const float> k,  // (B, T, K, D)
                                  HeadsView<const float> v,  // (B, T, K, D)
                                  HeadsView<float> out,      // (B, T, H, D)
                                  float* lse,                // (B, H, T)
                                  AttentionShape shape) {
  __shared__ float k_tile[kTile][kMaxHeadWidth];
  __shared__ float v_tile[kTile][kMaxHeadWidth];
  const int query = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const int h = static_cast<int>(blockIdx.y), b = static_cast<int>(blockIdx.z);
  const int kv_head = Mutant::kv_head(h, shape);
  const auto keys = flash::head_matrix(k, b, kv_head), values = flash::head_matrix(v, b, kv_head);
  const auto queries = flash::head_matrix(q, b, h);

  float sum[kMaxHeadWidth];
  for (int c = 0; c < shape.d; ++c) sum[c] = 0.0f;
  float weights = 0.0f, maximum = -INFINITY;
  for (int first = 0; first < shape.t; first += kTile) {
    Mutant::wait_before_loading();
    const int loader = static_cast<int>(threadIdx.x) - (kThreads - kLoaders);
    for (int i = loader; loader >= 0 && i < kTile * shape.d; i += kLoaders) {
      const int row = i / shape.d, c = i % shape.d;
      const bool inside = first + row < shape.t;
      k_tile[row][c] = inside ? keys.at(first + row, c) : 0.0f;
      v_tile[row][c] = inside ? values.at(first + row, c) : 0.0f;
    }
    Mutant::wait_after_loading();
    for (int s = 0; s < min(kTile, shape.t - first) && query < shape.t; ++s) {
      if (!Mutant::sees(query, first + s, shape)) continue;
      float score = 0.0f;
      for (int c = 0; c < shape.d; ++c) score += queries.at(query, c) * k_tile[s][c];
      score *= Mutant::scale(shape);
      const float old = maximum;
      maximum = Mutant::maximum(maximum, score);
      const float weight = expf(score - maximum);
      weights = weights * Mutant::correction_of_weights(old, maximum) + weight;
      for (int c = 0; c < shape.d; ++c) {
        sum[c] = sum[c] * Mutant::correction(old, maximum) + weight * v_tile[s][c];
      }
    }
  }
  if (query >= shape.t) return;
  const auto result = flash::head_matrix(out, b, h);
  for (int c = 0; c < shape.d; ++c) result.at(query, c) = sum[c] / weights;
  lse[(static_cast<std::int64_t>(b) * shape.h + h) * shape.t + query] = Mutant::log_sum_exp(maximum, weights);
}

inline dim3 attention_blocks(const AttentionShape& shape, int heads) {
  return dim3((shape.t + kThreads - 1) / kThreads, heads, shape.b);
}

struct Backward {
  static __device__ float delta(float sum) { return sum; }
  static __device__ float ds(float p, float dp, float delta, const AttentionShape& shape) {
    return p * (dp - delta) * shape.scale;
  }
  static __device__ float probability(float score, float lse, const AttentionShape& shape) {
    return expf(shape.scale * score - lse);
  }
  /// The first query that key s is seen by, when causal.
  static __device__ int first_query(int s) { return s; }
  static __device__ int first_head(int kv_head, const AttentionShape& shape) {
    return kv_head * (shape.h / shape.kv);
  }
  static __device__ int last_head(int kv_head, const AttentionShape& shape) {
    return (kv_head + 1) * (shape.h / shape.kv) - 1;
  }
};

inline __device__ float dot(const flash::HeadMatrix<const float>& x, int i,
                            const flash::HeadMatrix<const float>& y, int j, int d) {
  float sum = 0.0f;
  for (int c = 0; c < d; ++c) sum += x.at(i, c) * y.at(j, c);
  return sum;
}

template <class Mutant>
__global__ void attention_backward_query(HeadsView<const float> dout,  // (B, T, H, D)
                                         HeadsView<const float> q,     // (B, T, H, D)
                                         HeadsView<const float> k,     // (B, T, K, D)
                                         HeadsView<const float> v,     // (B, T, K, D)
                                         HeadsView<const float> out,   // (B, T, H, D)
                                         const float* lse,             // (B, H, T)
                                         float* delta,                 // (B, H, T), written
                                         HeadsView<float> dq,          // (B, T, H, D)
                                         AttentionShape shape) {
  const int t = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const int h = static_cast<int>(blockIdx.y), b = static_cast<int>(blockIdx.z);
  if (t >= shape.t) return;
  const int kv_head = h / (shape.h / shape.kv), d = shape.d;
  const auto keys = flash::head_matrix(k, b, kv_head), values = flash::head_matrix(v, b, kv_head);
  const auto queries = flash::head_matrix(q, b, h), douts = flash::head_matrix(dout, b, h);
  const std::int64_t row = (static_cast<std::int64_t>(b) * shape.h + h) * shape.t + t;
  const float own_delta = Mutant::delta(dot(douts, t, flash::head_matrix(out, b, h), t, d));
  delta[row] = own_delta;
  float sum[kMaxHeadWidth];
  for (int c = 0; c < d; ++c) sum[c] = 0.0f;
  for (int s = 0; s < (shape.causal ? t + 1 : shape.t); ++s) {
    const float p = Mutant::probability(dot(queries, t, keys, s, d), lse[row], shape);
    const float ds = Mutant::ds(p, dot(douts, t, values, s, d), own_delta, shape);
    for (int c = 0; c < d; ++c) sum[c] += ds * keys.at(s, c);
  }
  const auto target = flash::head_matrix(dq, b, h);
  for (int c = 0; c < d; ++c) target.at(t, c) = sum[c];
}

template <class Mutant>
__global__ void attention_backward_key(HeadsView<const float> dout,  // (B, T, H, D)
                                       HeadsView<const float> q,     // (B, T, H, D)
                                       HeadsView<const float> k,     // (B, T, K, D)
                                       HeadsView<const float> v,     // (B, T, K, D)
                                       const float* lse,             // (B, H, T)
                                       const float* delta,           // (B, H, T)
                                       HeadsView<float> dk,          // (B, T, K, D)
                                       HeadsView<float> dv,          // (B, T, K, D)
                                       AttentionShape shape) {
  const int s = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const int kv_head = static_cast<int>(blockIdx.y), b = static_cast<int>(blockIdx.z), d = shape.d;
  if (s >= shape.t) return;
  const auto keys = flash::head_matrix(k, b, kv_head), values = flash::head_matrix(v, b, kv_head);
  float dk_sum[kMaxHeadWidth], dv_sum[kMaxHeadWidth];
  for (int c = 0; c < d; ++c) dk_sum[c] = dv_sum[c] = 0.0f;
  for (int h = Mutant::first_head(kv_head, shape); h <= Mutant::last_head(kv_head, shape); ++h) {
    const auto queries = flash::head_matrix(q, b, h), douts = flash::head_matrix(dout, b, h);
    const std::int64_t first_row = (static_cast<std::int64_t>(b) * shape.h + h) * shape.t;
    for (int t = shape.causal ? Mutant::first_query(s) : 0; t < shape.t; ++t) {
      const float p = Mutant::probability(dot(queries, t, keys, s, d), lse[first_row + t], shape);
      const float ds = Mutant::ds(p, dot(douts, t, values, s, d), delta[first_row + t], shape);
      for (int c = 0; c < d; ++c) {
        dv_sum[c] += p * douts.at(t, c);
        dk_sum[c] += ds * queries.at(t, c);
      }
    }
  }
  const auto dk_target = flash::head_matrix(dk, b, kv_head), dv_target = flash::head_matrix(dv, b, kv_head);
  for (int c = 0; c < d; ++c) {
    dk_target.at(s, c) = dk_sum[c];
    dv_target.at(s, c) = dv_sum[c];
  }
}

}  // namespace wb::mutant
