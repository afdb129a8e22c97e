// Rung 1: the tensor cores multiply (mma.sync), and neither P nor dS leaves the registers.
//
//   P = exp(scale Q K^T - lse)     dV = P^T dO            dQ = scale dS K
//   dP = dO V^T                    dS = P (dP - delta)    dK = scale dS^T Q       delta_t = dO_t . O_t
//
// Idea: the result of mma.sync, (16, 8) blocks of a product in registers, has the layout that mma.sync
// expects for the left factor of the next product. A warp owns 16 rows. For dQ they are queries: it computes
// their scores and dP against 64 keys, computes dS from them in the same registers, and multiplies by K. For
// dK and dV they are keys, and the transposed scores K Q^T give P^T and dS^T the same way. Both are one
// kernel, a template over who owns the rows. Each sum has one owner and one order: no atomics, the same bits
// every run.
//
// Limited before: ordinary fp32 arithmetic; the tensor cores were idle.
//
// Limits now: 7 products instead of 5 (scores and dP for dQ, and again for dK and dV); and eight warps that
// wait for their products: tensor cores are active for 26 and 32% of the time, shared memory for 52 and 59%.
//
// Costs in clarity: fragments (attention_bf16/mma_tiles.cuh). P and dS are rounded to bf16. 255 registers.
//
// Needs: sm_80
#include "common/core/registry.h"
#include "solutions/ladders/attention_backward_bf16/mma_work.cuh"

namespace wb {
namespace attention_backward {
namespace {

constexpr int kThreads = 256;
constexpr int kRows = 128;  // 16 per warp
// Rows of a tile of the other side: 32 where the sums of a wide head leave no registers for more.
template <int kHead>
constexpr int kColumnsOf = kHead == 128 ? 32 : 64;

template <int kHead, bool kOfKeys>
constexpr int kBytesOf = (2 * kRows + 4 * kColumnsOf<kHead>)*kHead * 2 +
                         (kOfKeys ? 4 * kColumnsOf<kHead> : 2 * kRows) * 4;

// kOfKeys: the rows are keys, the result dK and dV. Else queries, dQ, and delta (B, H, T) for the other pass.
template <int kHead, bool kOfKeys>
__global__ void __launch_bounds__(kThreads, 1) mma_sync_kernel(Pass pass, bool vectors) {
  constexpr int kColumns = kColumnsOf<kHead>, kTile = kColumns * kHead;
  extern __shared__ __align__(128) unsigned char memory[];
  bf16* rows1 = reinterpret_cast<bf16*>(memory);                  // (kRows, kHead) of K; or of Q
  bf16* rows2 = rows1 + kRows * kHead;                            // (kRows, kHead) of V; or of dO
  bf16* columns = rows2 + kRows * kHead;                          // (2, 2, kColumns, kHead): Q, dO; or K, V
  float* lse_of = reinterpret_cast<float*>(columns + 4 * kTile);  // of the queries: (2, kColumns); or (kRows)
  float* delta_of = lse_of + (kOfKeys ? 2 * kColumns : kRows);

  const auto& [dout, q, k, v, out, lse, dq, dk, dv, delta, shape] = pass;
  const RowBlock<kOfKeys, kRows, kColumns> block(shape, static_cast<int>(blockIdx.x));
  const int t = shape.t, d = shape.d, b = block.batch, head = block.head, first_row = block.first_row;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const auto begin_step = [&](int step) {
    if (step >= block.steps()) return commit_copies();  // none
    const int first = block.first_column(step), h = block.head_of_columns(step);
    bf16* tiles = columns + step % 2 * 2 * kTile;
    begin_copy<kHead, kColumns, kThreads>(tiles, kOfKeys ? q : k, b, h, first, t, d, vectors);
    begin_copy<kHead, kColumns, kThreads>(tiles + kTile, kOfKeys ? dout : v, b, h, first, t, d, vectors);
    if (kOfKeys && threadIdx.x < kColumns) {
      const int query = first + static_cast<int>(threadIdx.x), place = step % 2 * kColumns + threadIdx.x;
      lse_of[place] = query < t ? lse[block.statistic(h, query)] * kLog2E : INFINITY;
      delta_of[place] = query < t ? delta[block.statistic(h, query)] : 0.0f;
    }
    commit_copies();
  };
  begin_copy<kHead, kRows, kThreads>(rows1, kOfKeys ? k : q, b, head, first_row, t, d, vectors);
  begin_copy<kHead, kRows, kThreads>(rows2, kOfKeys ? v : dout, b, head, first_row, t, d, vectors);
  begin_step(0);
  if constexpr (!kOfKeys) statistics_of_rows(pass, block, warp * 16, lse_of, delta_of);

  float sums1[kHead / 8][4] = {};                // of dK; or dQ
  float sums2[kOfKeys ? kHead / 8 : 1][4] = {};  // of dV
  const int my_row = warp * 16 + lane / 4;       // and eight below
  for (int step = 0; step < block.steps(); ++step) {
    begin_step(step + 1);
    wait_for_copies_but_one();
    __syncthreads();
    const bf16* tiles = columns + step % 2 * 2 * kTile;
    float p[kColumns / 8][4], ds[kColumns / 8][4];
    multiply_rows<kHead, kRows, kColumns>(p, rows1, warp * 16, tiles);
    multiply_rows<kHead, kRows, kColumns>(ds, rows2, warp * 16, tiles + kTile);
#pragma unroll
    for (int i = 0; i < kColumns / 2; ++i) {
      const int row = my_row + i % 4 / 2 * 8, column = i / 4 * 8 + lane % 4 * 2 + i % 2;
      const int key = kOfKeys ? first_row + row : block.first_column(step) + column;
      const int query = kOfKeys ? block.first_column(step) + column : first_row + row;
      const int at = kOfKeys ? step % 2 * kColumns + column : row;
      const bool visible = key < t && (!shape.causal || key <= query);
      float &weight = p[i / 4][i % 4], &gradient = ds[i / 4][i % 4];
      weight = visible ? power_of_two(weight * (shape.scale * kLog2E) - lse_of[at]) : 0.0f;
      gradient = weight * (gradient - delta_of[at]);
    }
    if constexpr (kOfKeys) add_weighted<kHead, kColumns>(sums2, p, tiles + kTile);
    add_weighted<kHead, kColumns>(sums1, ds, tiles);
    __syncthreads();  // the next copies overwrite what other warps may still be reading
  }
  store_rows<kHead>(kOfKeys ? dk : dq, b, head, first_row + my_row, t, d, sums1, shape.scale, vectors);
  if constexpr (kOfKeys) store_rows<kHead>(dv, b, head, first_row + my_row, t, d, sums2, 1.0f, vectors);
}

template <int kHead, bool kOfKeys>
void launch(const Pass& pass, bool vectors, cudaStream_t stream) {
  constexpr int kBytes = kBytesOf<kHead, kOfKeys>;
  const AttentionShape& shape = pass.shape;
  const std::int64_t tiles = (std::int64_t{shape.t} + kRows - 1) / kRows;
  const unsigned blocks = attention_grid(tiles * shape.b * (kOfKeys ? shape.kv : shape.h));
  const auto kernel = mma_sync_kernel<kHead, kOfKeys>;
  allow_shared_memory(kernel, kBytes);
  kernel<<<blocks, kThreads, kBytes, stream>>>(pass, vectors);
  WB_CHECK_LAUNCH();
}

}  // namespace

void mma_sync(const Pass& pass, cudaStream_t stream) {
  check(pass);
  const bool vectors = all_fit_pack<8>(pass);
  with_tile_head(pass.shape.d, [&](auto head) {
    constexpr int kHead = decltype(head)::value;
    launch<kHead, false>(pass, vectors, stream);
    launch<kHead, true>(pass, vectors, stream);
  });
}

namespace {

AttentionMemory memory_mma_sync(const AttentionShape& shape) {
  attention_check(shape);
  const auto rows = static_cast<std::size_t>(attention_rows(shape));
  return {rows, rows};
}

AttentionArithmetic arithmetic_mma_sync() {
  return {.p_roundings = 1, .ds_roundings = 1};
}

void backward_mma_sync(BwdIn dout, BwdIn q, BwdIn k, BwdIn v, BwdIn out, const float* saved, BwdOut dq,
                       BwdOut dk, BwdOut dv, float* scratch, const AttentionShape& shape,
                       cudaStream_t stream) {
  mma_sync({dout, q, k, v, out, saved, dq, dk, dv, scratch, shape}, stream);
}

}  // namespace
}  // namespace attention_backward

using namespace attention_backward;
WB_REGISTER(AttentionMemoryUseBf16, mma_sync, memory_mma_sync);
WB_REGISTER(AttentionArithmeticBf16, mma_sync, arithmetic_mma_sync);
WB_REGISTER(AttentionBackwardBf16, mma_sync, backward_mma_sync);

}  // namespace wb
