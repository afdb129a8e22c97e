// Decode attention with one thread per query, each step of which a mutant may get wrong.
#pragma once

#include <cmath>

#include "06_flash_attention/decode_attention.h"
#include "common/core/registry.h"

namespace wb::mutant {

/// The right steps; a mutant overrides one.
struct Decode {
  static __device__ int kv_head(int h, const DecodeAttentionShape& shape) { return h / (shape.h / shape.kv); }
  static __device__ int first() { return 0; }
  static __device__ int end(const DecodeAttentionShape& shape) { return shape.s; }
  static __device__ float scale(const DecodeAttentionShape& shape) { return shape.scale; }
  static __device__ float max(float before, float score) { return fmaxf(before, score); }
  static __device__ float correction(float before, float after) { return expf(before - after); }
  static __device__ HeadsView<const float> view(HeadsView<const float> view, const DecodeAttentionShape&) {
    return view;
  }
};

template <class Steps>
__global__ void decode_kernel(const float* q,                 // (B, H, D)
                              HeadsView<const float> keys,    // (B, S, K, D)
                              HeadsView<const float> values,  // (B, S, K, D)
                              float* out,                     // (B, H, D)
                              DecodeAttentionShape shape) {
  const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (row >= shape.b * shape.h) return;
  const int b = row / shape.h;
  const int head = Steps::kv_head(row % shape.h, shape);
  const HeadsView<const float> k = Steps::view(keys, shape);
  const HeadsView<const float> v = Steps::view(values, shape);
  float sum[kMaxHeadWidth] = {};
  float weights = 0.0f;
  float max = -INFINITY;
  for (int s = Steps::first(); s < Steps::end(shape); ++s) {
    const std::int64_t key = b * k.stride_b + s * k.stride_t + head * k.stride_h;
    const std::int64_t value = b * v.stride_b + s * v.stride_t + head * v.stride_h;
    float score = 0.0f;
    for (int c = 0; c < shape.d; ++c) score += q[row * shape.d + c] * k.data[key + c * k.stride_d];
    score *= Steps::scale(shape);
    const float next = Steps::max(max, score);
    const float correction = Steps::correction(max, next);
    const float weight = expf(score - next);
    max = next;
    weights = weights * correction + weight;
    for (int c = 0; c < shape.d; ++c) sum[c] = sum[c] * correction + weight * v.data[value + c * v.stride_d];
  }
  for (int c = 0; c < shape.d; ++c) out[row * shape.d + c] = sum[c] / weights;
}

inline constexpr int kThreads = 64;
inline unsigned int decode_blocks(const DecodeAttentionShape& shape) {
  return static_cast<unsigned int>((shape.b * shape.h + kThreads - 1) / kThreads);
}

}  // namespace wb::mutant
