// Decode attention as the steps of the lesson lead to it, tokens divided among blocks. A mutant may get one
// step wrong.
#pragma once

#include <algorithm>
#include <cmath>

#include "03_softmax/block_reduce.cuh"
#include "06_flash_attention/decode_attention_check.h"
#include "common/core/registry.h"

namespace wb::mutant {

inline constexpr int kBlock = 128;  // threads, and the tokens of a tile

/// The right steps; a mutant overrides one.
struct Divided {
  static __device__ void barrier_before_values() { __syncthreads(); }
  static __device__ void barrier_before_next_tile() { __syncthreads(); }
  static __device__ int begin(int piece, int length) { return piece * length; }
  static int pieces(int s, int length) { return (s + length - 1) / length; }
  static __device__ float scale_of_sum(float max, float largest) { return expf(max - largest); }
  static __device__ float scale_of_weight(float max, float largest) { return expf(max - largest); }
};

template <class Steps>
__global__ void piece_kernel(const float* q,                 // (B, H, D)
                             HeadsView<const float> keys,    // (B, S, K, D)
                             HeadsView<const float> values,  // (B, S, K, D)
                             DecodeParts parts, DecodeAttentionShape shape, int length) {
  __shared__ float weights[kBlock];
  const int thread = static_cast<int>(threadIdx.x);
  const int row = static_cast<int>(blockIdx.x);
  const int b = row / shape.h;
  const int kv_head = row % shape.h / (shape.h / shape.kv);
  const float* key_head = keys.data + b * keys.stride_b + kv_head * keys.stride_h;
  const float* value_head = values.data + b * values.stride_b + kv_head * values.stride_h;
  const int piece = static_cast<int>(blockIdx.y);
  const int end = min((piece + 1) * length, shape.s);
  float max = -INFINITY, sum = 0.0f, weight_sum = 0.0f;
  for (int first = Steps::begin(piece, length); first < end; first += kBlock) {
    const int tokens = min(kBlock, end - first);
    float score = thread < tokens ? 0.0f : -INFINITY;
    for (int c = 0; c < shape.d && thread < tokens; ++c) {
      score += q[row * shape.d + c] * key_head[(first + thread) * keys.stride_t + c * keys.stride_d];
    }
    score *= shape.scale;
    const float larger = fmaxf(max, block_max(score));
    weights[thread] = expf(score - larger);
    sum *= expf(max - larger);
    weight_sum *= expf(max - larger);
    max = larger;
    Steps::barrier_before_values();
    for (int i = 0; i < tokens; ++i) {
      const float weight = weights[i];
      weight_sum += weight;
      if (thread < shape.d) {
        sum += weight * value_head[(first + i) * values.stride_t + thread * values.stride_d];
      }
    }
    Steps::barrier_before_next_tile();
  }
  const int place = row * static_cast<int>(gridDim.y) + piece;
  if (thread < shape.d) parts.sum[place * shape.d + thread] = sum;
  if (thread == 0) {
    parts.max[place] = max;
    parts.weight[place] = weight_sum;
  }
}

template <class Steps>
__global__ void merge_kernel(DecodeParts parts, float* out,  // (B, H, D)
                             int pieces, int d) {
  const int c = static_cast<int>(threadIdx.x);
  const int first = static_cast<int>(blockIdx.x) * pieces;
  if (c >= d) return;
  float max = -INFINITY;
  for (int p = first; p < first + pieces; ++p) max = fmaxf(max, parts.max[p]);
  float sum = 0.0f, weight = 0.0f;
  for (int p = first; p < first + pieces; ++p) {
    sum += Steps::scale_of_sum(parts.max[p], max) * parts.sum[p * d + c];
    weight += Steps::scale_of_weight(parts.max[p], max) * parts.weight[p];
  }
  out[static_cast<int>(blockIdx.x) * d + c] = sum / weight;
}

inline int piece_tokens(const DecodeAttentionShape& shape) {
  return std::max(kBlock, (shape.s + kMostDecodePieces - 1) / kMostDecodePieces);
}

}  // namespace wb::mutant
