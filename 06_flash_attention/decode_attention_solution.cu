// Attention of one query per head to a cache: the threads of a block share the keys, then the features.
//
// With one query there is no tile of queries to reuse a key for: every key and value is read once and used
// once (by each head of its group), so it is memory bound, and many loads have to be in
// flight. A block takes the keys in tiles of 128 or 512 and changes roles twice per tile:
//
//   scores   thread i holds token first + i: one dot product of D features, without any exchange
//   maximum  of the block; the online softmax of attention_solution.cu rescales what was summed before
//   values   thread i holds 4 features of every 8th (32nd) token, for D 64: neighbours read neighbours
//
// No load depends on one before it, so the loops are unrolled to have eight of them in flight.
//
// Grid: a block per sequence and query head. Shared memory: the query, one weight per token of the tile, and
// at the end one sum per thread. Bytes: 8 B S K D, read by the group's first head from memory, by its others
// from the L2 cache. FLOPs: 4 B H S D.
// Next: several blocks per head where the cache is long and heads are few (flash decoding), a block per
// group.
#include <cmath>

#include "03_softmax/block_reduce.cuh"
#include "06_flash_attention/decode_attention_check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

// Of a block, and also the tokens of a tile. Many of them keep more loads on their way; a short cache has no
// work for them.
constexpr int kFewThreads = 128;
constexpr int kManyThreads = 512;
constexpr int kShortCache = 256;  // tokens

// The dot product of one row of the cache with the query, kWidth features a load.
template <int kWidth>
__device__ float dot_row(const float* row,    // (D), stride_d apart
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

template <int kWidth, int kThreads>
__global__ void __launch_bounds__(kThreads) decode_attention_kernel(
    const float* q,                 // (B, H, D)
    HeadsView<const float> keys,    // (B, S, K, D)
    HeadsView<const float> values,  // (B, S, K, D)
    float* out,                     // (B, H, D)
    DecodeAttentionShape shape,
    int lanes) {  // threads that share a token's features, kWidth each: a power of two
  __shared__ float query[kMaxHeadWidth];  // scaled
  __shared__ float weights[kThreads];     // exp(score - max), a tile's
  __shared__ Pack<kWidth> partial[kThreads];
  __shared__ float partial_weight[kThreads];
  const int thread = static_cast<int>(threadIdx.x);
  const int b = static_cast<int>(blockIdx.x) / shape.h;
  const int h = static_cast<int>(blockIdx.x) % shape.h;
  const int kv_head = h / (shape.h / shape.kv);
  const float* key_head = keys.data + b * keys.stride_b + kv_head * keys.stride_h;
  const float* value_head = values.data + b * values.stride_b + kv_head * values.stride_h;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * shape.d;
  if (thread < shape.d) query[thread] = shape.scale * q[row + thread];

  const int feature = thread % lanes * kWidth;
  const int first_token = thread / lanes;
  const int step = kThreads / lanes;
  float max = -INFINITY;
  Pack<kWidth> sum = {};  // of weight times value, of this thread's features and tokens
  float weight = 0.0f;    // of the weights, of this thread's tokens
  for (int first = 0; first < shape.s; first += kThreads) {
    // Score a token per thread.
    __syncthreads();  // the query is there, and the weights of the tile before are used
    const int token = first + thread;
    float score = -INFINITY;
    if (token < shape.s) {
      score = dot_row<kWidth>(key_head + token * keys.stride_t, query, shape.d, keys.stride_d);
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
    const int tokens = min(kThreads, shape.s - first);
    const float* value = value_head + first * values.stride_t + feature * values.stride_d;
    if (feature < shape.d) {
#pragma unroll 8
      for (int i = first_token; i < tokens; i += step) {
        const Pack<kWidth> row = *reinterpret_cast<const Pack<kWidth>*>(value + i * values.stride_t);
        for (int j = 0; j < kWidth; ++j) sum.values[j] += weights[i] * row.values[j];
        weight += weights[i];
      }
    }
  }

  // Add up the parts that hold the same feature.
  partial[thread] = sum;
  partial_weight[thread] = weight;
  __syncthreads();
  if (thread < shape.d) {
    float total = 0.0f, total_weight = 0.0f;
    for (int part = 0; part < step; ++part) {
      total += partial[part * lanes + thread / kWidth].values[thread % kWidth];
      total_weight += partial_weight[part * lanes + thread / kWidth];
    }
    out[row + thread] = total / total_weight;
  }
}

template <int kWidth, int kThreads>
void launch(const float* q, HeadsView<const float> keys, HeadsView<const float> values, float* out,
            const DecodeAttentionShape& shape, cudaStream_t stream) {
  int lanes = 1;
  while (lanes * kWidth < shape.d) lanes *= 2;
  const auto blocks = static_cast<unsigned int>(shape.b * shape.h);  // checked
  decode_attention_kernel<kWidth, kThreads>
      <<<blocks, kThreads, 0, stream>>>(q, keys, values, out, shape, lanes);
  WB_CHECK_LAUNCH();
}

}  // namespace

void decode_attention_solution(const float* q, HeadsView<const float> keys, HeadsView<const float> values,
                               float* out, const DecodeAttentionShape& shape, cudaStream_t stream) {
  decode_attention_check(q, keys, values, out, shape);
  const bool packs = view_fits_pack<4>(keys, shape.d) && view_fits_pack<4>(values, shape.d);
  const bool many = shape.s > kShortCache;
  const auto chosen = packs ? (many ? launch<4, kManyThreads> : launch<4, kFewThreads>)
                            : (many ? launch<1, kManyThreads> : launch<1, kFewThreads>);
  chosen(q, keys, values, out, shape, stream);
}

WB_REGISTER(DecodeAttention, solution, decode_attention_solution);

}  // namespace wb
