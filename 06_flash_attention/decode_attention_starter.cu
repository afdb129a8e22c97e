// Your turn: one query against a cache of keys and values. decode_attention.md is the lesson; hints.md has
// hints.
//
// Do one step at a time, and check after each:
//
//     ./workbook check 06 decode_attention
//
// A block has 128 threads, takes the tokens in tiles of 128, and changes roles twice per tile: for the scores
// thread i owns token first + i, for the values thread c owns feature c. Given to you: block_max
// (block_reduce.cuh), and the scratch memory by name (DecodeParts in decode_attention_check.h).
#include <cmath>

#include "03_softmax/block_reduce.cuh"
#include "06_flash_attention/decode_attention_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 128;  // and the tokens of a tile; no head is wider

__global__ void decode_piece_kernel(const float* q,                 // (B, H, D)
                                    HeadsView<const float> keys,    // (B, S, K, D)
                                    HeadsView<const float> values,  // (B, S, K, D)
                                    float* out,                     // (B, H, D)
                                    DecodeParts parts, DecodeAttentionShape shape) {
  __shared__ float weights[kThreads];  // of the tile's tokens
  const int thread = static_cast<int>(threadIdx.x);
  const int row = static_cast<int>(blockIdx.x);  // b * H + h
  const int b = row / shape.h;
  const int h = row % shape.h;
  // TODO 4: Which key/value head does query head h read? Neighboring heads form groups of H / K.
  const int kv_head = 0;
  const float* const query = q + static_cast<std::int64_t>(row) * shape.d;
  // Feature c of token s: key_head[s * keys.stride_t + c * keys.stride_d].
  const float* const key_head = keys.data + b * keys.stride_b + kv_head * keys.stride_h;
  const float* const value_head = values.data + b * values.stride_b + kv_head * values.stride_h;

  // TODO 6: This block takes piece blockIdx.y of the tokens: begin .. end - 1. The last piece may be shorter.
  const int begin = 0;
  const int end = shape.s;

  float max = -INFINITY;    // of the scores, so far
  float sum = 0.0f;         // of weight * value, so far: feature `thread`
  float weight_sum = 0.0f;  // of the weights, so far
  for (int first = begin; first < end; first += kThreads) {
    const int tokens = min(kThreads, end - first);

    // TODO 2: Thread i scores token first + i: scale * (query . key). Store exp(score) in weights[i], and let
    //         the block wait before another thread reads it. Threads past the last token have no key.

    // TODO 3: exp(score) overflows. Take the maximum of the tile's scores and of `max` (all threads must call
    //         block_max), and use exp(score - maximum). When the maximum grows, `sum` and `weight_sum` are
    //         still relative to the old one: multiply both by exp(old - new).

    // TODO 1: Thread c adds weight * value to `sum` for feature c of each of the tile's tokens, if there is a
    //         feature c. Every thread adds the weights to `weight_sum`. All weights are 1 until TODO 2.

    // TODO 2: The next tile overwrites `weights`. Who may still be reading them?
  }

  // TODO 1: Store sum / weight_sum in out (B, H, D).

  // TODO 5: Store the three numbers of this piece in place of the quotient: sum, max and weight_sum, at
  //         [row, piece] of `parts`. gridDim.y is the number of pieces.
}

__global__ void merge_kernel(DecodeParts parts, float* out,  // (B, H, D)
                             int pieces, int d) {
  // TODO 5: Block `row`, thread c: find the largest maximum of the row's pieces. Add the sums, each scaled
  //         from its own maximum to the largest one. Store their quotient.
}

void decode_attention_starter(const float* q, HeadsView<const float> keys, HeadsView<const float> values,
                              float* out, float* scratch, const DecodeAttentionShape& shape,
                              cudaStream_t stream) {
  decode_attention_check(q, keys, values, out, scratch, shape);
  const DecodeParts parts = divide_decode_scratch(scratch, shape);
  const auto heads = static_cast<unsigned int>(shape.b * shape.h);

  // TODO 6: At most kMostDecodePieces pieces, of at least 128 tokens each. Only the last piece may have
  //         fewer, but at least one. Tell the kernel how many tokens a piece has.
  const int pieces = 1;
  decode_piece_kernel<<<dim3(heads, pieces), kThreads, 0, stream>>>(q, keys, values, out, parts, shape);
  WB_CHECK_LAUNCH();

  // TODO 5: Launch merge_kernel, a block per head.
}

WB_REGISTER(DecodeAttention, starter, decode_attention_starter);

}  // namespace
}  // namespace wb
