// What a block of rung 4 has beside rung 3's: a buffer of queries for each consumer that is filled again as
// soon as its last scores are there, a place of its own for out, and a list of tiles.
#pragma once

#include "solutions/ladders/attention_bf16/overlapped_consumer.cuh"

namespace wb::attention {

template <int kHead, int kConsumers, int kStages, int kKeys>
struct PersistentTiles : WarpgroupTiles<kHead, kConsumers, kStages, kKeys> {
  using Base = WarpgroupTiles<kHead, kConsumers, kStages, kKeys>;

  alignas(1024) bf16 out[Base::kChunks][Base::kQueries][64];
  std::uint64_t queries_full[kConsumers], queries_empty[kConsumers];

  __device__ static PersistentTiles& in_shared_memory() {
    return static_cast<PersistentTiles&>(Base::in_shared_memory());
  }
  __device__ void init() {
    for (int i = 0; i < kConsumers; ++i) {
      hopper::init_barrier(&queries_full[i], 1);
      hopper::init_barrier(&queries_empty[i], 1);
    }
    Base::init();
  }
};

/// Calls visit(tile, parity) for each tile of this block, the same ones in all its warps. Tiles lie in the
/// order of query_tile, those with the most keys first; every second round runs backwards, so that a block
/// that had a long tile gets a short one.
template <class Tiles, bool kCausal, class Visit>
__device__ void for_each_tile(const WarpgroupPass& pass, Visit visit) {
  const int tiles = (pass.shape.t + Tiles::kQueries - 1) / Tiles::kQueries * pass.shape.b * pass.shape.h;
  const int blocks = static_cast<int>(gridDim.x), block = static_cast<int>(blockIdx.x);
  for (int first = 0, round = 0; first < tiles; first += blocks, ++round) {
    const int index = first + (round % 2 == 0 ? block : blocks - 1 - block);
    if (index < tiles) visit(query_tile<Tiles, kCausal>(pass, index), static_cast<unsigned>(round % 2));
  }
}

/// Thread 0 of the producer: the tiles of all rounds, one after the other.
template <class Tiles, bool kCausal>
__device__ void load_rounds(const WarpgroupPass& pass, Tiles& shared) {
  Producer<Tiles> producer{pass, shared};
  for_each_tile<Tiles, kCausal>(pass, [&](const QueryTile& tile, unsigned parity) {
    producer.load_k(tile, tile.steps - 1);
    for (int i = 0; i < Tiles::kConsumers; ++i) {
      hopper::wait(&shared.queries_empty[i], parity ^ 1);
      hopper::arrive_expecting(&shared.queries_full[i], 64 * Tiles::kHead * sizeof(bf16));
      for (int c = 0; c < Tiles::kChunks; ++c) {
        hopper::load_head_tile(&pass.q, shared.q[c][i * 64], &shared.queries_full[i], c * 64,
                               tile.first_query + i * 64, tile.head, tile.batch);
      }
    }
    producer.load_rest(tile);
  });
}

/// A consumer: its 64 rows of each tile, and of the keys only those tiles that these rows see.
template <class Tiles, bool kCausal>
__device__ void attend_rounds(const WarpgroupPass& pass, Tiles& shared) {
  const int index = static_cast<int>(threadIdx.x) / 128 - 1, t = pass.shape.t;
  OverlappedConsumer<Tiles, kCausal> consumer(pass, shared);
  for_each_tile<Tiles, kCausal>(pass, [&](const QueryTile& tile, unsigned parity) {
    const int first_row = tile.first_query + index * 64;
    const int keys = first_row >= t ? 0 : kCausal ? min(t, first_row + 64) : t;
    const int steps = (keys + Tiles::kKeys - 1) / Tiles::kKeys;
    consumer.skip(tile.steps - steps);
    hopper::wait(&shared.queries_full[index], parity);
    if (steps > 0)
      consumer.attend(tile, steps, shared.out, &shared.queries_empty[index]);
    else if (threadIdx.x % 128 == 0)
      hopper::arrive(&shared.queries_empty[index]);
  });
  consumer.leave();
}

}  // namespace wb::attention
