// A block's attention of one query to some of the tokens of a cache: the threads share the keys, then the
// features.
//
// With one query there is no tile of queries that could use a key again: every key and value is read once and
// used once by each head of its group. The kernel is memory bound, and many loads have to be in flight. A
// block takes the keys in tiles of kThreads and changes roles twice per tile:
//
//   scores   thread i holds token first + i: one dot product of D features, without any exchange
//   maximum  of the block; the online softmax of attention_solution.cu rescales what was summed before
//   values   thread i holds 4 features of every 8th token (128 threads, D 64): neighbors read neighbors
//
// No load depends on one before it, so the loops are unrolled to have eight of them in flight.
#pragma once

#include <cmath>

#include "03_softmax/block_reduce.cuh"
#include "06_flash_attention/decode_attention.h"
#include "common/core/pack.h"

namespace wb {

/// The three numbers of an online softmax; `sum` is of one feature.
struct DecodePart {
  float sum, weight, max;
};

/// The keys and values of one head of one sequence, and its query.
struct DecodeHead {
  const float* query;   // (D)
  const float* keys;    // (S, D), as `key_view` strides
  const float* values;  // (S, D), as `value_view` strides
};

__device__ inline DecodeHead decode_head(const float* q,                                // (B, H, D)
                                         HeadsView<const float> keys,                   // (B, S, K, D)
                                         HeadsView<const float> values,                 // (B, S, K, D)
                                         const DecodeAttentionShape& shape, int row) {  // b * H + h
  const int b = row / shape.h;
  const int kv_head = row % shape.h / (shape.h / shape.kv);
  return {q + static_cast<std::int64_t>(row) * shape.d,
          keys.data + b * keys.stride_b + kv_head * keys.stride_h,
          values.data + b * values.stride_b + kv_head * values.stride_h};
}

/// Threads that share a token's features, kWidth each: a power of two.
template <int kWidth>
int decode_lanes(int d) {
  int lanes = 1;
  while (lanes * kWidth < d) lanes *= 2;
  return lanes;
}

// The dot product of one row of the cache with the query, kWidth features a load.
template <int kWidth>
__device__ float decode_dot(const float* row,    // (D), stride_d apart
                            const float* query,  // (D), shared
                            int d, std::int64_t stride_d) {
  float sum = 0.0f;
#pragma unroll 8
  for (int c = 0; c < d; c += kWidth) {
    const Pack<kWidth> key = *reinterpret_cast<const Pack<kWidth>*>(row + c * stride_d);
    for (int i = 0; i < kWidth; ++i) sum += key.values[i] * query[c + i];
  }
  return sum;
}

/// Attends to tokens begin .. end - 1, at least one. Thread c gets the part of feature c; threads from D on
/// get nothing of use. Call it once, from all of kThreads threads, at least D of them.
template <int kWidth, int kThreads>
__device__ DecodePart decode_piece(const DecodeHead& head, const HeadsView<const float>& keys,
                                   const HeadsView<const float>& values, const DecodeAttentionShape& shape,
                                   int begin, int end, int lanes) {
  __shared__ float query[kMaxHeadWidth];  // scaled
  __shared__ float weights[kThreads];     // exp(score - max), a tile's
  __shared__ Pack<kWidth> partial[kThreads];
  __shared__ float partial_weight[kThreads];
  const int thread = static_cast<int>(threadIdx.x);
  if (thread < shape.d) query[thread] = shape.scale * head.query[thread];

  const int feature = thread % lanes * kWidth;
  const int first_token = thread / lanes;
  const int step = kThreads / lanes;
  float max = -INFINITY;
  Pack<kWidth> sum = {};  // of weight times value, of this thread's features and tokens
  float weight = 0.0f;    // of the weights, of this thread's tokens
  for (int first = begin; first < end; first += kThreads) {
    // Score a token per thread.
    __syncthreads();  // the query is there, and the weights of the tile before are used
    const int token = first + thread;
    float score = -INFINITY;
    if (token < end) {
      score = decode_dot<kWidth>(head.keys + token * keys.stride_t, query, shape.d, keys.stride_d);
    }

    // Rescale what was summed under a smaller maximum.
    const float tile_max = fmaxf(max, block_max(score));
    weights[thread] = expf(score - tile_max);
    const float correction = expf(max - tile_max);
    max = tile_max;
    for (int i = 0; i < kWidth; ++i) sum.values[i] *= correction;
    weight *= correction;
    __syncthreads();

    // Sum the values.
    const int tokens = min(kThreads, end - first);
    const float* value = head.values + first * values.stride_t + feature * values.stride_d;
    if (feature < shape.d) {
#pragma unroll 8
      for (int i = first_token; i < tokens; i += step) {
        const Pack<kWidth> row = *reinterpret_cast<const Pack<kWidth>*>(value + i * values.stride_t);
        for (int j = 0; j < kWidth; ++j) sum.values[j] += weights[i] * row.values[j];
        weight += weights[i];
      }
    }
  }

  // Add up what threads hold of the same feature.
  partial[thread] = sum;
  partial_weight[thread] = weight;
  __syncthreads();
  DecodePart part = {0.0f, 0.0f, max};
  if (thread < shape.d) {
    for (int i = 0; i < step; ++i) {
      part.sum += partial[i * lanes + thread / kWidth].values[thread % kWidth];
      part.weight += partial_weight[i * lanes + thread / kWidth];
    }
  }
  return part;
}

}  // namespace wb
