// Rung 1: the tensor cores multiply (mma.sync), and neither the scores nor the weights leave the registers.
//
//   S = scale Q K^T     P = exp(S - max)     O = P V / sum P
//
// Idea: the result of mma.sync, (16, 8) blocks of S in registers, has the layout that mma.sync expects for
// the left factor of the next product, P V. A warp owns 16 queries and loops over the keys, 64 at a time, as
// the chapter's solution does: the softmax of a tile stays in the four lanes that hold a row
// (softmax_rows.cuh). While one tile is multiplied, cp.async loads the next.
//
// Limited before: ordinary fp32 arithmetic.
//
// Limits now: each warp reads all of K and V from shared memory for its 16 rows: 55% of its bandwidth at D
// 128. A warp never multiplies and computes its softmax at the same time: tensor cores are active for 33% of
// the time.
//
// Costs in clarity: fragments (mma_tiles.cuh). P is rounded to bf16: AttentionArithmeticBf16. D 128: 255
// registers (60 bytes spill when causal), 96 KiB of shared memory (sm_90a). D 64: 183 registers, 48 KiB.
//
// Needs: sm_80
#include "common/core/registry.h"
#include "solutions/ladders/attention_bf16/mma_tiles.cuh"
#include "solutions/ladders/attention_bf16/pass.h"
#include "solutions/ladders/attention_bf16/softmax_rows.cuh"

namespace wb {
namespace attention {
namespace {

constexpr int kWarps = 8;
constexpr int kThreads = 32 * kWarps;
constexpr int kQueries = 16 * kWarps;
constexpr int kKeys = 64;
template <int kHead>
constexpr int kBytesOf = (kQueries + 4 * kKeys) * kHead* static_cast<int>(sizeof(bf16));

template <int kHead, bool kCausal>
__global__ void __launch_bounds__(kThreads, 1) mma_attention_kernel(Pass pass, bool vectors) {
  extern __shared__ __align__(128) unsigned char memory[];
  bf16* queries = reinterpret_cast<bf16*>(memory);  // (kQueries, kHead)
  bf16* tiles = queries + kQueries * kHead;         // (2, 2, kKeys, kHead): K and V
  constexpr int kTile = kKeys * kHead;
  const int t = pass.shape.t, d = pass.shape.d;

  // Later queries see more keys when causal: the longest blocks start first.
  const int row_tiles = (t + kQueries - 1) / kQueries;
  const int sequence_head = static_cast<int>(blockIdx.x) / row_tiles;
  const int first_query = (row_tiles - 1 - static_cast<int>(blockIdx.x) % row_tiles) * kQueries;
  const int b = sequence_head / pass.shape.h, h = sequence_head % pass.shape.h;
  const int kv_head = h / (pass.shape.h / pass.shape.kv);
  const int keys = kCausal ? min(t, first_query + kQueries) : t;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int first_row = first_query + warp * 16, row = first_row + lane / 4;

  const auto begin_tile = [&](int first_key) {
    bf16* tile = tiles + first_key / kKeys % 2 * 2 * kTile;
    begin_copy<kHead, kKeys, kThreads>(tile, pass.k, b, kv_head, first_key, t, d, vectors);
    begin_copy<kHead, kKeys, kThreads>(tile + kTile, pass.v, b, kv_head, first_key, t, d, vectors);
    commit_copies();
  };
  begin_copy<kHead, kQueries, kThreads>(queries, pass.q, b, h, first_query, t, d, vectors);
  begin_tile(0);
  SoftmaxRows<kKeys, false> softmax;
  float sums[kHead / 8][4] = {};
  for (int first_key = 0; first_key < keys; first_key += kKeys) {
    if (first_key + kKeys < keys)
      begin_tile(first_key + kKeys);
    else
      commit_copies();
    wait_for_copies_but_one();
    __syncthreads();
    const bf16* tile = tiles + first_key / kKeys % 2 * 2 * kTile;
    float s[kKeys / 8][4];
    multiply_rows<kHead, kQueries, kKeys>(s, queries, warp * 16, tile);
    auto& scores = reinterpret_cast<float(&)[kKeys / 2]>(s);
#pragma unroll
    for (float& score : scores) score *= pass.shape.scale * kLog2E;
    if (first_key + kKeys > (kCausal ? min(first_row + 1, t) : t)) {
      softmax.mask<kCausal>(scores, first_key, row, t);
    }
    softmax.update(scores, 1.0f);
    softmax.correct(reinterpret_cast<float(&)[kHead / 2]>(sums));
    add_weighted<kHead, kKeys>(sums, s, tile + kTile);
    // The next copies overwrite what other warps may still be reading.
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float total = softmax.total(i);
    softmax.correction[i] = 1.0f / total;
    const int query = row + 8 * i;
    if (lane % 4 == 0 && query < t) {
      pass.lse[static_cast<std::int64_t>(sequence_head) * t + query] = softmax.max[i] / kLog2E + logf(total);
    }
  }
  softmax.correct(reinterpret_cast<float(&)[kHead / 2]>(sums));
  store_rows<kHead>(pass.out, b, h, row, t, d, sums, 1.0f, vectors);
}

}  // namespace

void mma_attention(const Pass& pass, cudaStream_t stream) {
  check(pass);
  const std::int64_t tiles = (std::int64_t{pass.shape.t} + kQueries - 1) / kQueries;
  const unsigned blocks = attention_grid(tiles * pass.shape.b * pass.shape.h);
  with_tile_head(pass.shape.d, [&](auto head) {
    constexpr int kHead = decltype(head)::value;
    const auto kernel =
        pass.shape.causal ? mma_attention_kernel<kHead, true> : mma_attention_kernel<kHead, false>;
    allow_shared_memory(kernel, kBytesOf<kHead>);
    kernel<<<blocks, kThreads, kBytesOf<kHead>, stream>>>(pass, has_vectors(pass));
  });
  WB_CHECK_LAUNCH();
}

namespace {
void forward_mma_attention(In q, In k, In v, Out out, float* saved, const AttentionShape& shape,
                           cudaStream_t stream) {
  mma_attention({q, k, v, out, saved, shape}, stream);
}
}  // namespace
}  // namespace attention

WB_REGISTER(AttentionMemoryUseBf16, mma_attention, attention::memory_use);
WB_REGISTER(AttentionArithmeticBf16, mma_attention, attention::arithmetic);
WB_REGISTER(AttentionForwardBf16, mma_attention, attention::forward_mma_attention);

}  // namespace wb
