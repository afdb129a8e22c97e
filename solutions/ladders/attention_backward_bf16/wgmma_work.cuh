// Who does what in the pass of rungs 2 and 3 (wgmma_pass.cuh), and where it lies in shared memory.
#pragma once

#include <cuda.h>

#include <cstdint>

#include "06_flash_attention/attention.h"
#include "common/core/bf16.h"

namespace wb::attention_backward {

constexpr int kKeys = 128;
constexpr int kThreads = 384;
constexpr int kHalf = 64 * 64;  // sums that a warpgroup adds per tile
template <int kHead>
constexpr int kQueriesOf = 8192 / kHead;

struct WgmmaPass {
  CUtensorMap q, k, v, dout;
  const float* lse;    // (B, H, t_padded), times log2(e); infinite from t on
  const float* delta;  // (B, H, t_padded)
  float* dq_sums;      // (B, H, t_padded / kQueries, 2, kHalf)
  int* turns;  // (B, H, t_padded / kQueries, 2): parts added so far; then the ticket of the next block
  HeadsView<bf16> dk, dv;
  AttentionShape shape;
  int t_padded;
  int band;        // heads whose blocks run together, so that their tensors stay in the L2 cache
  bool alternate;  // in order: every second band begins with its first keys
};

template <int kHead>
struct SharedTiles {
  static constexpr int kQueries = kQueriesOf<kHead>;
  alignas(1024) bf16 k[kHead / 64][kKeys][64], v[kHead / 64][kKeys][64];
  bf16 q[2][kHead / 64][kQueries][64], dout[2][kHead / 64][kQueries][64];
  bf16 ds[2][kQueries / 64][kKeys][64];  // dS^T
  float dq[2][kHalf];
  float lse[2][kQueries], delta[2][kQueries];
  std::uint64_t kv_full, q_full[2], q_empty[2], dout_full[2], dout_empty[2], dq_full[2], dq_empty[2];
  int block;
};

// Which keys and heads a block owns, and which tiles of queries it walks over.
template <int kHead, bool kCausal, bool kOrdered>
struct BlockWork {
  int batch, kv_head, group, key_tile, first_tile, end_tile;
  bool last_keys_first;  // of the band

  __device__ BlockWork(const WgmmaPass& pass, int block) {
    const AttentionShape& shape = pass.shape;
    const int key_tiles = (shape.t + kKeys - 1) / kKeys, heads = shape.b * shape.kv;
    const int band = block / (pass.band * key_tiles), in_band = block % (pass.band * key_tiles);
    const int heads_of_band = min(pass.band, heads - band * pass.band);
    const int head = band * pass.band + in_band % heads_of_band;
    // The longest first. In order, every second band begins with the shortest, which add first there
    // (03_ordered_cuda.cu).
    key_tile = in_band / heads_of_band;
    last_keys_first = kCausal && kOrdered && !(pass.alternate && band % 2 == 1);
    if (last_keys_first) key_tile = key_tiles - 1 - key_tile;
    batch = head / shape.kv, kv_head = head % shape.kv, group = shape.h / shape.kv;
    first_tile = kCausal ? key_tile * kKeys / kQueriesOf<kHead> : 0;
    end_tile = (shape.t + kQueriesOf<kHead> - 1) / kQueriesOf<kHead>;
  }
  __device__ int steps() const { return group * (end_tile - first_tile); }
  // The tile's number among those of (B, H); `head` counts within the group.
  __device__ std::int64_t tile_index(const WgmmaPass& pass, int head, int tile) const {
    return (static_cast<std::int64_t>(batch) * pass.shape.h + kv_head * group + head) *
           (pass.t_padded / kQueriesOf<kHead>)+tile;
  }
  // How many blocks add to a tile before this one: those of the band that were started before it.
  __device__ int turn(int tile) const {
    return last_keys_first ? ((tile + 1) * kQueriesOf<kHead> - 1) / kKeys - key_tile : key_tile;
  }
};

}  // namespace wb::attention_backward
