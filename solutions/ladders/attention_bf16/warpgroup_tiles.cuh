// What a block of the wgmma rungs is made of: tiles in shared memory, the thread that fetches them, the two
// products, and the way out.
//
// kConsumers warpgroups own 64 queries each and walk over the keys together, kKeys at a time, from the last
// to the first: tiles that the diagonal cuts come first. One thread of another warpgroup fetches. K and V
// have a ring each, since a tile of K is free as soon as its scores are there.
#pragma once

#include <cstdint>

#include "common/hopper/named_barrier.cuh"
#include "common/hopper/tensor_map.h"
#include "common/hopper/tma.cuh"
#include "common/hopper/wgmma.cuh"
#include "common/hopper/wgmma_registers.cuh"
#include "solutions/ladders/attention_bf16/pass.h"
#include "solutions/ladders/attention_bf16/softmax_rows.cuh"

namespace wb::attention {

template <int kHead_, int kConsumers_, int kStages_, int kKeys_ = 128>
struct WarpgroupTiles {
  static constexpr int kHead = kHead_, kConsumers = kConsumers_, kStages = kStages_, kKeys = kKeys_;
  static constexpr int kQueries = 64 * kConsumers;
  static constexpr int kChunks = kHead / 64;  // of 64 features, as the swizzle wants them
  static constexpr int kThreads = 128 * (1 + kConsumers);
  // Together no more than the block has from its start; beyond that take_registers would wait forever.
  static constexpr int kProducerRegisters = kConsumers == 3 ? 32 : 24;
  static constexpr int kConsumerRegisters = kConsumers <= 2 ? 240 : kConsumers == 3 ? 160 : 112;
  static constexpr int kRegistersAtStart = 65536 / kThreads / 8 * 8;
  static_assert(kProducerRegisters + kConsumers * kConsumerRegisters <= (1 + kConsumers) * kRegistersAtStart);

  alignas(1024) bf16 q[kChunks][kQueries][64];  // each consumer's rows of out at the end
  bf16 k[kStages][kChunks][kKeys][64];
  bf16 v[kStages][kChunks][kKeys][64];
  std::uint64_t q_full, k_full[kStages], k_empty[kStages], v_full[kStages], v_empty[kStages];

  static constexpr int kSlack = 1024;  // for the alignment of dynamic shared memory

  __device__ static WarpgroupTiles& in_shared_memory() {
    extern __shared__ unsigned char memory[];
    const unsigned misaligned = hopper::shared_address(memory) % 1024;
    return *reinterpret_cast<WarpgroupTiles*>(memory + (1024 - misaligned) % 1024);
  }

  /// By one thread, before all meet.
  __device__ void init() {
    hopper::init_barrier(&q_full, 1);
    for (int i = 0; i < kStages; ++i) {
      hopper::init_barrier(&k_full[i], 1);
      hopper::init_barrier(&v_full[i], 1);
      hopper::init_barrier(&k_empty[i], kConsumers);
      hopper::init_barrier(&v_empty[i], kConsumers);
    }
    hopper::publish_barriers();
  }
};

/// What a kernel is given.
struct WarpgroupPass {
  CUtensorMap q, k, v, out;
  float* lse;  // (B, H, T)
  AttentionShape shape;
  int band;  // heads whose blocks run together, so that their keys and values stay in the L2 cache
};

/// The queries that a block owns.
struct QueryTile {
  int batch, head, kv_head, first_query;
  int steps;  // tiles of keys
};

/// Blocks in order: band after band of heads, and in a band the tiles that see the most keys first.
template <class Tiles, bool kCausal>
__device__ QueryTile query_tile(const WarpgroupPass& pass, int block) {
  const AttentionShape& shape = pass.shape;
  const int tiles = (shape.t + Tiles::kQueries - 1) / Tiles::kQueries, heads = shape.b * shape.h;
  const int band = block / (pass.band * tiles), in_band = block % (pass.band * tiles);
  const int heads_of_band = min(pass.band, heads - band * pass.band);
  const int head = band * pass.band + in_band % heads_of_band, h = head % shape.h;
  const int first_query = (tiles - 1 - in_band / heads_of_band) * Tiles::kQueries;
  const int keys = kCausal ? min(shape.t, first_query + Tiles::kQueries) : shape.t;
  return {head / shape.h, h, h / (shape.h / shape.kv), first_query, (keys + Tiles::kKeys - 1) / Tiles::kKeys};
}

/// The producer's side of the rings.
template <class Tiles>
struct Producer {
  const WarpgroupPass& pass;
  Tiles& shared;
  hopper::RingPosition k_at, v_at;

  __device__ void load_k(const QueryTile& tile, int step) {
    load(&pass.k, shared.k[k_at.stage], &shared.k_full[k_at.stage], &shared.k_empty[k_at.stage], k_at, tile,
         step);
  }
  __device__ void load_v(const QueryTile& tile, int step) {
    load(&pass.v, shared.v[v_at.stage], &shared.v_full[v_at.stage], &shared.v_empty[v_at.stage], v_at, tile,
         step);
  }
  __device__ void load_q(const QueryTile& tile) {
    hopper::arrive_expecting(&shared.q_full, sizeof(shared.q));
    for (int c = 0; c < Tiles::kChunks; ++c) {
      hopper::load_head_tile(&pass.q, shared.q[c], &shared.q_full, c * 64, tile.first_query, tile.head,
                             tile.batch);
    }
  }
  /// Everything for one tile of queries, in the order in which it is needed.
  __device__ void load_all(const QueryTile& tile) {
    load_k(tile, tile.steps - 1);
    load_q(tile);
    load_rest(tile);
  }
  /// All but the first tile of keys, and the queries.
  __device__ void load_rest(const QueryTile& tile) {
    for (int step = tile.steps - 2; step >= 0; --step) {
      load_k(tile, step);
      load_v(tile, step + 1);
    }
    load_v(tile, 0);
  }

 private:
  __device__ void load(const CUtensorMap* map, bf16 (&stage)[Tiles::kChunks][Tiles::kKeys][64],
                       std::uint64_t* full, std::uint64_t* empty, hopper::RingPosition& at,
                       const QueryTile& tile, int step) {
    hopper::wait(empty, at.parity ^ 1);
    hopper::arrive_expecting(full, sizeof(stage));
    for (int c = 0; c < Tiles::kChunks; ++c) {
      hopper::load_head_tile(map, stage[c], full, c * 64, step * Tiles::kKeys, tile.kv_head, tile.batch);
    }
    at.advance<Tiles::kStages>();
  }
};

/// Begins s = Q K^T of this consumer's 64 queries; `q` describes them.
template <class Tiles>
__device__ void begin_scores(float (&s)[Tiles::kKeys / 2], std::uint64_t q,
                             const bf16 (&k)[Tiles::kChunks][Tiles::kKeys][64]) {
  constexpr int kStep = hopper::kDescriptorStep<false>;
  hopper::begin_products();
#pragma unroll
  for (int c = 0; c < Tiles::kChunks; ++c) {
    const std::uint64_t a = q + c * (Tiles::kQueries * hopper::kRowBytes / 16);
    const std::uint64_t b = hopper::tile_descriptor(k[c]);
    if (c == 0) hopper::multiply_first<0, 0>(s, a, b);
#pragma unroll
    for (int i = c == 0 ? 1 : 0; i < 64 / hopper::kDepthOfProduct; ++i) {
      hopper::multiply<0, 0>(s, a + i * kStep, b + i * kStep, 1);
    }
  }
  hopper::commit_products();
}

/// Weights in bf16, as the left factor of a product.
template <int kKeys>
struct Weights {
  std::uint32_t pairs[kKeys / 16][4];

  __device__ void round(const float (&s)[kKeys / 2]) {
#pragma unroll
    for (int i = 0; i < kKeys / 4; ++i) {
      const __nv_bfloat162 pair = __floats2bfloat162_rn(s[2 * i], s[2 * i + 1]);
      pairs[i / 4][i % 4] = *reinterpret_cast<const std::uint32_t*>(&pair);
    }
  }
};

/// Begins sums += P V.
template <class Tiles>
__device__ void begin_values(float (&sums)[Tiles::kHead / 2], const Weights<Tiles::kKeys>& weights,
                             const bf16 (&v)[Tiles::kChunks][Tiles::kKeys][64]) {
  const std::uint64_t b = hopper::tile_descriptor(v, Tiles::kKeys * hopper::kRowBytes);
  hopper::begin_products();
#pragma unroll
  for (int i = 0; i < Tiles::kKeys / hopper::kDepthOfProduct; ++i) {
    hopper::add_product<1>(sums, weights.pairs[i], b + i * hopper::kDescriptorStep<true>);
  }
  hopper::commit_products();
}

/// Divides by the sums of the rows and writes out and the log-sum-exp, by way of this consumer's rows of
/// `staging`, which TMA may still read afterwards: leave_stores.
template <class Tiles, class Softmax>
__device__ void finish(const WarpgroupPass& pass, bf16 (&staging)[Tiles::kChunks][Tiles::kQueries][64],
                       const QueryTile& tile, int consumer, float (&sums)[Tiles::kHead / 2],
                       Softmax& softmax) {
  const int thread = static_cast<int>(threadIdx.x) % 128, lane = thread % 32;
  const int first_row = tile.first_query + consumer * 64;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float total = softmax.total(i);
    softmax.correction[i] = 1.0f / total;
    const int query = first_row + thread / 32 * 16 + lane / 4 + 8 * i;
    if (lane % 4 == 0 && query < pass.shape.t) {
      const std::int64_t head = static_cast<std::int64_t>(tile.batch) * pass.shape.h + tile.head;
      pass.lse[head * pass.shape.t + query] = softmax.max[i] * pass.shape.scale + logf(total);
    }
  }
  if (thread == 0) hopper::wait_for_stores<0>();
  // All of its products have read q, and TMA what was in `staging` before.
  hopper::sync_warpgroup(1 + consumer);
  const int row = thread / 32 * 16 + lane % 16;
#pragma unroll
  for (int i = 0; i < Tiles::kHead / 16; ++i) {
    std::uint32_t pairs[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float factor = softmax.correction[j % 2];
      const __nv_bfloat162 pair =
          __floats2bfloat162_rn(factor * sums[8 * i + 2 * j], factor * sums[8 * i + 2 * j + 1]);
      pairs[j] = *reinterpret_cast<const std::uint32_t*>(&pair);
    }
    bf16* to = &staging[i / 4][consumer * 64 + row][((i % 4 * 2 + lane / 16) ^ row % 8) * 8];
    hopper::store_matrices(to, pairs[0], pairs[1], pairs[2], pairs[3]);
  }
  hopper::publish_shared_writes();
  hopper::sync_warpgroup(1 + consumer);
  if (thread == 0) {
    for (int c = 0; c < Tiles::kChunks; ++c) {
      hopper::store_head_tile(&pass.out, staging[c][consumer * 64], c * 64, first_row, tile.head, tile.batch);
    }
  }
}

/// Shared memory lives as long as the block: the threads that store wait until it has been read.
__device__ inline void leave_stores() {
  if (threadIdx.x % 128 == 0) hopper::wait_for_stores<0>();
}

}  // namespace wb::attention
