// Mistake: the shared tile of keys has half of the rows that it is indexed with.
// First screen: k_tile

#include <cmath>
#include <cstdint>

#include "06_flash_attention/attention.h"
#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_heads.cuh"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 64;  // queries of a block
constexpr int kTile = 32;     // keys in shared memory at a time

__global__ void attention_kernel(HeadsView<const float> q,  // (B, T, H, D)
                                 HeadsView<const float> k,  // (B, T, K, D)
                                 HeadsView<const float> v,  // (B, T, K, D)
                                 HeadsView<float> out,      // (B, T, H, D)
                                 float* lse,                // (B, H, T)
                                 AttentionShape shape) {
  __shared__ float k_tile[kTile / 2][kMaxHeadWidth];
  const int query = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const int h = static_cast<int>(blockIdx.y), b = static_cast<int>(blockIdx.z);
  const int kv_head = h / (shape.h / shape.kv);
  const auto keys = flash::head_matrix(k, b, kv_head), values = flash::head_matrix(v, b, kv_head);
  const auto queries = flash::head_matrix(q, b, h);
  float sum[kMaxHeadWidth];
  for (int c = 0; c < shape.d; ++c) sum[c] = 0.0f;
  float weights = 0.0f, maximum = -INFINITY;
  for (int first = 0; first < shape.t; first += kTile) {
    __syncthreads();
    for (int i = threadIdx.x; i < kTile * shape.d; i += kThreads) {
      const int row = i / shape.d, c = i % shape.d;
      k_tile[row][c] = first + row < shape.t ? keys.at(first + row, c) : 0.0f;
    }
    __syncthreads();
    for (int s = 0; s < kTile && query < shape.t; ++s) {
      float score = 0.0f;
      for (int c = 0; c < shape.d; ++c) score += queries.at(query, c) * k_tile[s][c];
      if (first + s >= shape.t || (shape.causal && first + s > query)) continue;
      score *= shape.scale;
      const float old = maximum;
      maximum = fmaxf(maximum, score);
      const float weight = expf(score - maximum), scale = expf(old - maximum);
      weights = weights * scale + weight;
      for (int c = 0; c < shape.d; ++c) sum[c] = sum[c] * scale + weight * values.at(first + s, c);
    }
  }
  if (query >= shape.t) return;
  const auto result = flash::head_matrix(out, b, h);
  for (int c = 0; c < shape.d; ++c) result.at(query, c) = sum[c] / weights;
  lse[(static_cast<std::int64_t>(b) * shape.h + h) * shape.t + query] = maximum + logf(weights);
}

AttentionMemory attention_memory(const AttentionShape& shape) {
  attention_check(shape);
  const std::size_t rows = static_cast<std::size_t>(shape.b) * shape.h * shape.t;
  return {rows, rows};
}

void attention(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
               HeadsView<float> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  const dim3 grid((shape.t + kThreads - 1) / kThreads, shape.h, shape.b);
  attention_kernel<<<grid, kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(AttentionMemoryUse, half_a_tile, attention_memory);
WB_REGISTER(AttentionForward, half_a_tile, attention);

}  // namespace
}  // namespace wb::mistake
