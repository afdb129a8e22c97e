// Decode attention, divided: several blocks share the tokens of one query head, and a second kernel merges
// what they found (split K/V, or flash decoding; Dao, Haziza, Massa and Sizov, 2023).
//
// A token's weight depends on the maximum of all scores, which no block knows. But the three numbers of an
// online softmax (weighted sum, sum of weights, maximum) can be computed for any piece of the tokens, and two
// such triples merge into one: scale each to the larger maximum, then add.
//
//   decode_piece_kernel  grid (B H, pieces), 128 threads: piece y of the tokens, as
//   decode_attention_piece.cuh
//                        says. Stores the three numbers; with one piece, the result.
//   merge_kernel         grid (B H), a thread per feature: merges the pieces in their order, so that every
//                        run gives the same bits.
//
// A piece has at least 128 tokens, and there are no more pieces than give the GPU about 2048 blocks. Bytes:
// 8 B S K D, and (D + 2) floats per piece written and read. FLOPs: 4 B H S D.
// Read before: decode_attention_block_per_head.cu. Next: a block per group, which reads a key once for all
// heads of it.
#include <algorithm>

#include "06_flash_attention/decode_attention_check.h"
#include "06_flash_attention/decode_attention_piece.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 128;           // and the tokens of a tile
constexpr std::int64_t kBlocks = 2048;  // that fill a large GPU: 16 for each of 132 SMs
static_assert(kThreads >= kMaxHeadWidth, "merge_kernel has a thread per feature");

template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    decode_piece_kernel(const float* q,                 // (B, H, D)
                        HeadsView<const float> keys,    // (B, S, K, D)
                        HeadsView<const float> values,  // (B, S, K, D)
                        float* out,                     // (B, H, D)
                        DecodeParts parts, DecodeAttentionShape shape, int piece_tokens, int lanes) {
  const int row = static_cast<int>(blockIdx.x);
  const int begin = static_cast<int>(blockIdx.y) * piece_tokens;
  const int end = begin + min(piece_tokens, shape.s - begin);
  const DecodeHead head = decode_head(q, keys, values, shape, row);
  const DecodePart part = decode_piece<kWidth, kThreads>(head, keys, values, shape, begin, end, lanes);

  const int c = static_cast<int>(threadIdx.x);
  if (gridDim.y == 1) {
    if (c < shape.d) out[static_cast<std::int64_t>(row) * shape.d + c] = part.sum / part.weight;
    return;
  }
  const std::int64_t place = static_cast<std::int64_t>(row) * gridDim.y + blockIdx.y;
  if (c < shape.d) parts.sum[place * shape.d + c] = part.sum;
  if (c == 0) {
    parts.max[place] = part.max;
    parts.weight[place] = part.weight;
  }
}

__global__ void merge_kernel(DecodeParts parts, float* out,  // (B, H, D)
                             int pieces, int d) {
  const int c = static_cast<int>(threadIdx.x);
  if (c >= d) return;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * pieces;
  float max = -INFINITY;
  for (int p = 0; p < pieces; ++p) max = fmaxf(max, parts.max[first + p]);
  float sum = 0.0f, weight = 0.0f;
  for (int p = 0; p < pieces; ++p) {
    const float correction = expf(parts.max[first + p] - max);
    sum += correction * parts.sum[(first + p) * d + c];
    weight += correction * parts.weight[first + p];
  }
  out[static_cast<std::int64_t>(blockIdx.x) * d + c] = sum / weight;
}

// Tokens of a piece, a multiple of a tile.
int tokens_of_a_piece(const DecodeAttentionShape& shape) {
  const std::int64_t heads = static_cast<std::int64_t>(shape.b) * shape.h;
  const auto pieces = std::clamp<std::int64_t>(kBlocks / heads, 1, kMostDecodePieces);
  const std::int64_t tokens = (shape.s + pieces - 1) / pieces;
  return static_cast<int>(std::min<std::int64_t>((tokens + kThreads - 1) / kThreads * kThreads, INT32_MAX));
}

template <int kWidth>
void launch(const float* q, HeadsView<const float> keys, HeadsView<const float> values, float* out,
            float* scratch, const DecodeAttentionShape& shape, cudaStream_t stream) {
  const DecodeParts parts = divide_decode_scratch(scratch, shape);
  const int piece_tokens = tokens_of_a_piece(shape);
  const int pieces = (shape.s - 1) / piece_tokens + 1;
  const auto heads = static_cast<unsigned int>(shape.b * shape.h);  // checked
  const dim3 grid(heads, static_cast<unsigned int>(pieces));
  decode_piece_kernel<kWidth><<<grid, kThreads, 0, stream>>>(q, keys, values, out, parts, shape, piece_tokens,
                                                             decode_lanes<kWidth>(shape.d));
  WB_CHECK_LAUNCH();
  if (pieces == 1) return;
  merge_kernel<<<heads, kThreads, 0, stream>>>(parts, out, pieces, shape.d);
  WB_CHECK_LAUNCH();
}

void decode_attention_solution(const float* q, HeadsView<const float> keys, HeadsView<const float> values,
                               float* out, float* scratch, const DecodeAttentionShape& shape,
                               cudaStream_t stream) {
  decode_attention_check(q, keys, values, out, scratch, shape);
  const bool packs = view_fits_pack<4>(keys, shape.d) && view_fits_pack<4>(values, shape.d);
  (packs ? launch<4> : launch<1>)(q, keys, values, out, scratch, shape, stream);
}

WB_REGISTER(DecodeAttention, solution, decode_attention_solution);

}  // namespace
}  // namespace wb
