// Which rows a block of rung 1 owns, and which tiles of the other side it walks over.
#pragma once

#include <cstdint>

#include "solutions/ladders/attention_backward_bf16/forward_tiles.cuh"
#include "solutions/ladders/attention_backward_bf16/pass.h"

namespace wb::attention_backward {

/// kOfKeys: kRows keys of a head of keys, and all queries of its group that see them, kColumns at a time.
/// Else kRows queries of a head, and the keys that they see.
template <bool kOfKeys, int kRows, int kColumns>
struct RowBlock {
  int t, batch, head, group, first_row, first_tile, tiles_per_head;
  std::int64_t first_statistic;  // of the batch, among (B, H, T)

  __device__ RowBlock(const AttentionShape& shape, int block) : t(shape.t), group(shape.h / shape.kv) {
    const int heads = kOfKeys ? shape.kv : shape.h;
    const int row_tiles = (t + kRows - 1) / kRows, column_tiles = (t + kColumns - 1) / kColumns;
    // When causal, early keys and late queries have the most to do: they start first.
    const int tile = block % row_tiles;
    first_row = (kOfKeys ? tile : row_tiles - 1 - tile) * kRows;
    head = block / row_tiles % heads;
    batch = block / row_tiles / heads;
    first_tile = kOfKeys && shape.causal ? first_row / kColumns : 0;
    const bool ends_early = !kOfKeys && shape.causal;
    const int end_tile =
        ends_early ? min(column_tiles, (first_row + kRows - 1) / kColumns + 1) : column_tiles;
    tiles_per_head = end_tile - first_tile;
    first_statistic = static_cast<std::int64_t>(batch) * shape.h * t;
  }
  __device__ int steps() const { return kOfKeys ? group * tiles_per_head : tiles_per_head; }
  __device__ int first_column(int step) const { return (first_tile + step % tiles_per_head) * kColumns; }
  __device__ int head_of_columns(int step) const {
    return kOfKeys ? head * group + step / tiles_per_head : head / group;
  }
  /// Where the log-sum-exp and delta of a query lie.
  __device__ std::int64_t statistic(int head_of_query, int query) const {
    return first_statistic + static_cast<std::int64_t>(head_of_query) * t + query;
  }
};

/// Of the 16 queries from first_row on of a block, by their warp: log2(e) times the log-sum-exp, infinite
/// from t on, and delta_t = dO_t . O_t. delta is kept for the pass that follows.
template <class Block>
__device__ void statistics_of_rows(const Pass& pass, const Block& block, int first_row, float* lse_of,
                                   float* delta_of) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const auto head = [&](const BwdIn& x) {
    return x.data + block.batch * x.stride_b + block.head * x.stride_h;
  };
  const bf16 *dout = head(pass.dout), *out = head(pass.out);
  for (int row = first_row; row < first_row + 16; ++row) {
    const int query = block.first_row + row;
    const bool inside = query < block.t;
    float sum = 0.0f;
    for (int c = lane; c < pass.shape.d && inside; c += 32) {
      sum += to_float(dout[query * pass.dout.stride_t + c * pass.dout.stride_d]) *
             to_float(out[query * pass.out.stride_t + c * pass.out.stride_d]);
    }
    for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xFFFFFFFFu, sum, offset);
    if (lane == 0) {
      const std::int64_t at = block.statistic(block.head, query);
      lse_of[row] = inside ? pass.lse[at] * kLog2E : INFINITY;
      delta_of[row] = sum;
      if (inside) pass.scratch[at] = sum;
    }
  }
}

}  // namespace wb::attention_backward
