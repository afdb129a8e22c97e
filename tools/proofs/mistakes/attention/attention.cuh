// What the wrong kernels of attention share: one query per thread, and its running softmax.
#pragma once

#include <cmath>
#include <cstdint>

#include "06_flash_attention/attention.h"
#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_heads.cuh"
#include "common/core/registry.h"

namespace wb::mistake {

inline constexpr int kThreads = 64;  // queries of a block
inline constexpr int kTile = 32;     // keys in shared memory at a time

/// The query of this thread, and what it has seen of the keys.
struct Query {
  flash::HeadMatrix<const float> q, k, v;  // (T, D) of this head
  AttentionShape shape;
  int t;  // its token; past the end for the last threads
  float sum[kMaxHeadWidth] = {};
  float weights = 0.0f, maximum = -INFINITY;

  __device__ Query(const HeadsView<const float>& all_q, const HeadsView<const float>& all_k,
                   const HeadsView<const float>& all_v, const AttentionShape& s)
      : shape(s), t(static_cast<int>(blockIdx.x * kThreads + threadIdx.x)) {
    const int h = static_cast<int>(blockIdx.y), b = static_cast<int>(blockIdx.z);
    const int kv_head = h / (shape.h / shape.kv);
    q = flash::head_matrix(all_q, b, h);
    k = flash::head_matrix(all_k, b, kv_head);
    v = flash::head_matrix(all_v, b, kv_head);
  }
  __device__ bool exists() const { return t < shape.t; }
  __device__ bool sees(int key) const { return key < shape.t && (!shape.causal || key <= t); }
  __device__ float key(int row, int c) const { return row < shape.t ? k.at(row, c) : 0.0f; }

  /// Weighs the value of `key` by exp(score).
  __device__ void take(int key, float score) {
    const float old = maximum;
    maximum = fmaxf(maximum, score);
    const float weight = expf(score - maximum), scale = expf(old - maximum);
    weights = weights * scale + weight;
    for (int c = 0; c < shape.d; ++c) sum[c] = sum[c] * scale + weight * v.at(key, c);
  }
  __device__ void store(const HeadsView<float>& out, float* lse) const {
    const auto result = flash::head_matrix(out, blockIdx.z, blockIdx.y);
    for (int c = 0; c < shape.d; ++c) result.at(t, c) = sum[c] / weights;
    lse[(static_cast<std::int64_t>(blockIdx.z) * shape.h + blockIdx.y) * shape.t + t] =
        maximum + logf(weights);
  }
};

inline AttentionMemory attention_memory(const AttentionShape& shape) {
  attention_check(shape);
  const std::size_t rows = static_cast<std::size_t>(shape.b) * shape.h * shape.t;
  return {rows, rows};
}

inline dim3 attention_grid(const AttentionShape& shape) {
  return dim3((shape.t + kThreads - 1) / kThreads, shape.h, shape.b);
}

}  // namespace wb::mistake
