// The pass of rungs 2 and 3: a block owns 128 keys of a head and walks over its queries.
//
// Two warpgroups own 64 keys each. Per tile of queries each of them computes
//
//   S^T = K Q^T, dP^T = V dO^T    from shared memory        (64, kQueries)
//   P^T, dS^T                     in registers, as the left factors of
//   dV += P^T dO, dK += dS^T Q    with the right ones from shared memory
//   dQ part = dS K                dS of both by way of shared memory: half of the tile's dQ
//
// and a third warpgroup fetches (thread 0: TMA) and adds each half of dQ to its sum in global memory (threads
// 32 and 64). A tile of kQueries x kHead is 8192 sums, in two halves of (64, 64): 64 features of all queries
// where kHead is 128, all features of 64 queries where it is 64. A half lies as the accumulators of a
// warpgroup do, block of 8 columns after block; finish_kernel puts it in order.
//
// kOrdered: parts of dQ are added in one order, whatever block comes first (03_ordered_cuda.cu).
#pragma once

#include "common/hopper/tma.cuh"
#include "solutions/ladders/attention_backward_bf16/bulk_copy.cuh"
#include "solutions/ladders/attention_backward_bf16/forward_tiles.cuh"
#include "solutions/ladders/attention_backward_bf16/wgmma_products.cuh"
#include "solutions/ladders/attention_backward_bf16/wgmma_work.cuh"

namespace wb::attention_backward {

// Thread 0: brings the tiles.
template <int kHead, class Work>
__device__ void fetch(const WgmmaPass& pass, const Work& work, SharedTiles<kHead>& shared) {
  constexpr int kQueries = kQueriesOf<kHead>, kTileBytes = 8192 * 2 + kQueries * 4;
  hopper::arrive_expecting(&shared.kv_full, 2 * kKeys * kHead * 2);
  for (int c = 0; c < kHead / 64; ++c) {
    const int key = work.key_tile * kKeys;
    hopper::load_head_tile(&pass.k, shared.k[c], &shared.kv_full, c * 64, key, work.kv_head, work.batch);
    hopper::load_head_tile(&pass.v, shared.v[c], &shared.kv_full, c * 64, key, work.kv_head, work.batch);
  }
  hopper::RingPosition at;
  for (int h = 0; h < work.group; ++h) {
    const int head = work.kv_head * work.group + h;
    for (int tile = work.first_tile; tile < work.end_tile; ++tile, at.advance<2>()) {
      const int query = tile * kQueries;
      const std::int64_t row = work.tile_index(pass, h, tile) * kQueries;
      const auto bring = [&](const CUtensorMap& map, auto& chunks, float* statistics, const float* source,
                             std::uint64_t* full, std::uint64_t* empty) {
        hopper::wait(empty, at.parity ^ 1);
        hopper::arrive_expecting(full, kTileBytes);
        for (int c = 0; c < kHead / 64; ++c)
          hopper::load_head_tile(&map, chunks[c], full, c * 64, query, head, work.batch);
        load_floats(statistics, source + row, kQueries, full);
      };
      const int i = at.stage;
      bring(pass.q, shared.q[i], shared.lse[i], pass.lse, &shared.q_full[i], &shared.q_empty[i]);
      bring(pass.dout, shared.dout[i], shared.delta[i], pass.delta, &shared.dout_full[i],
            &shared.dout_empty[i]);
    }
  }
}

// Threads 32 and 64: add what a warpgroup left of dQ to its sum.
template <int kHead, bool kOrdered, class Work>
__device__ void add_dq(const WgmmaPass& pass, const Work& work, SharedTiles<kHead>& shared, int warpgroup) {
  unsigned parity = 0;
  for (int h = 0; h < work.group; ++h) {
    for (int tile = work.first_tile; tile < work.end_tile; ++tile, parity ^= 1) {
      const std::int64_t half = work.tile_index(pass, h, tile) * 2 + warpgroup;
      float* sums = pass.dq_sums + half * kHalf;
      hopper::wait(&shared.dq_full[warpgroup], parity);
      if constexpr (kOrdered) {
        while (load_acquire(pass.turns + half) != work.turn(tile)) {
        }
        order_copies_and_accesses();
        if (work.turn(tile) == 0)
          store_floats(sums, shared.dq[warpgroup], kHalf);
        else
          add_floats(sums, shared.dq[warpgroup], kHalf);
      } else {
        add_floats(sums, shared.dq[warpgroup], kHalf);
      }
      hopper::wait_for_stores<0>();
      hopper::arrive(&shared.dq_empty[warpgroup]);
      if constexpr (kOrdered) {
        wait_until_stored();
        order_copies_and_accesses();
        add_release(pass.turns + half);
      }
    }
  }
  wait_until_stored();
}

// The 128 threads of a warpgroup: products, P and dS.
template <int kHead, bool kCausal, class Work>
__device__ void consume(const WgmmaPass& pass, const Work& work, SharedTiles<kHead>& shared, int warpgroup) {
  constexpr int kQueries = kQueriesOf<kHead>;
  constexpr int kStep = hopper::kDescriptorStep<true>;
  const int thread = static_cast<int>(threadIdx.x) % 128, lane = thread % 32, t = pass.shape.t;
  const int first_key = work.key_tile * kKeys,
            my_key = first_key + warpgroup * 64 + thread / 32 * 16 + lane / 4;
  const int my_column = lane % 4 * 2;                                                      // of 8
  const int ds_row = warpgroup * 64 + thread / 32 * 16 + lane % 16, ds_piece = lane / 16;  // for stmatrix
  const float exponent_scale = pass.shape.scale * kLog2E;
  const std::uint64_t k_of_half = hopper::tile_descriptor(shared.k[kHead == 128 ? warpgroup : 0]);

  float dk[kHead / 2] = {}, dv[kHead / 2] = {};
  hopper::hold(dk);
  hopper::hold(dv);
  int tile = work.first_tile;
  hopper::RingPosition at;
  hopper::wait(&shared.kv_full, 0);
  for (int step = 0; step < work.steps(); ++step) {
    const int i = at.stage;
    float p[kQueries / 2], ds[kQueries / 2];
    hopper::wait(&shared.q_full[i], at.parity);
    multiply_heads<kHead, kKeys, kQueries>(p, shared.k[0][warpgroup * 64], shared.q[i][0][0]);
    hopper::wait(&shared.dout_full[i], at.parity);
    multiply_heads<kHead, kKeys, kQueries>(ds, shared.v[0][warpgroup * 64], shared.dout[i][0][0]);
    hopper::wait_for_products<1>();
    hopper::hold(p);

    // P^T, while dP^T is computed.
#pragma unroll
    for (int j = 0; j < kQueries / 2; ++j) {
      p[j] = power_of_two(p[j] * exponent_scale - shared.lse[i][j / 4 * 8 + my_column + j % 2]);
    }
    const int first_query = tile * kQueries;
    if (first_key + kKeys > (kCausal ? min(first_query + 1, t) : t)) {
#pragma unroll
      for (int j = 0; j < kQueries / 2; ++j) {
        const int key = my_key + j % 4 / 2 * 8, query = first_query + j / 4 * 8 + my_column + j % 2;
        if (key >= t || (kCausal && key > query)) p[j] = 0.0f;
      }
    }
    std::uint32_t weights[kQueries / 16][4];
#pragma unroll
    for (int j = 0; j < kQueries / 4; ++j) weights[j / 4][j % 4] = pack_pair(p[2 * j], p[2 * j + 1]);
    hopper::begin_products();
    add_weighted_tile<kQueries, kHead>(dv, weights, shared.dout[i][0][0]);
    hopper::wait_for_products<1>();
    hopper::hold(ds);

    // dS^T, while dV is computed; to shared memory for dQ, and the left factor of dK. With 128 queries there
    // are not enough registers to keep P in fp32 as well.
    std::uint32_t gradients[kQueries / 16][4];
#pragma unroll
    for (int j = 0; j < kQueries / 4; ++j) {
      if (kQueries == 128) unpack_pair(weights[j / 4][j % 4], p[2 * j], p[2 * j + 1]);
      const float* delta = &shared.delta[i][j / 2 * 8 + my_column];
      gradients[j / 4][j % 4] =
          pack_pair(p[2 * j] * (ds[2 * j] - delta[0]), p[2 * j + 1] * (ds[2 * j + 1] - delta[1]));
    }
    bf16(&ds_tile)[kQueries / 64][kKeys][64] = shared.ds[step % 2];
#pragma unroll
    for (int j = 0; j < kQueries / 16; ++j) {
      bf16* piece = &ds_tile[j / 4][ds_row][((j % 4 * 2 + ds_piece) ^ (ds_row % 8)) * 8];
      hopper::store_matrices(piece, gradients[j][0], gradients[j][1], gradients[j][2], gradients[j][3]);
    }
    hopper::publish_shared_writes();
    meet_consumers();

    float dq[32];
    hopper::begin_products();
    const std::uint64_t ds_of_half = hopper::tile_descriptor(ds_tile[kHead == 128 ? 0 : warpgroup]);
#pragma unroll
    for (int j = 0; j < kKeys / 16; ++j) {
      if (j == 0)
        hopper::multiply_first<1, 1>(dq, ds_of_half, k_of_half);
      else
        hopper::multiply<1, 1>(dq, ds_of_half + j * kStep, k_of_half + j * kStep, 1);
    }
    hopper::commit_products();
    add_weighted_tile<kQueries, kHead>(dk, gradients, shared.q[i][0][0]);
    hopper::wait_for_products<1>();
    hopper::hold(dq);
    hopper::arrive(&shared.dout_empty[i]);
    hopper::wait(&shared.dq_empty[warpgroup], (step + 1) % 2);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      reinterpret_cast<float4*>(shared.dq[warpgroup])[j * 128 + thread] =
          make_float4(dq[4 * j], dq[4 * j + 1], dq[4 * j + 2], dq[4 * j + 3]);
    }
    hopper::publish_shared_writes();
    hopper::arrive(&shared.dq_full[warpgroup]);
    hopper::wait_for_products<0>();
    hopper::hold(dk);
    hopper::arrive(&shared.q_empty[i]);
    at.advance<2>();
    if (++tile == work.end_tile) tile = work.first_tile;
  }
  hopper::wait_for_products<0>();
  hopper::hold(dk);
  hopper::hold(dv);
  const auto blocks = [](float(&sums)[kHead / 2]) -> float(&)[kHead / 8][4] {
    return reinterpret_cast<float(&)[kHead / 8][4]>(sums);
  };
  store_rows<kHead>(pass.dk, work.batch, work.kv_head, my_key, t, pass.shape.d, blocks(dk), pass.shape.scale,
                    true);
  store_rows<kHead>(pass.dv, work.batch, work.kv_head, my_key, t, pass.shape.d, blocks(dv), 1.0f, true);
}

template <int kHead, bool kCausal, bool kOrdered>
__global__ void __launch_bounds__(kThreads, 1) wgmma_pass_kernel(const __grid_constant__ WgmmaPass pass) {
  extern __shared__ unsigned char dynamic_memory[];
  const unsigned misaligned = hopper::shared_address(dynamic_memory) % 1024;
  auto& shared = *reinterpret_cast<SharedTiles<kHead>*>(dynamic_memory + (1024 - misaligned) % 1024);
  if (threadIdx.x == 0) {
    hopper::init_barrier(&shared.kv_full, 1);
    for (int i = 0; i < 2; ++i) {
      hopper::init_barrier(&shared.q_full[i], 1);
      hopper::init_barrier(&shared.dout_full[i], 1);
      hopper::init_barrier(&shared.q_empty[i], 256);  // each thread that read lse, or delta
      hopper::init_barrier(&shared.dout_empty[i], 256);
      hopper::init_barrier(&shared.dq_full[i], 128);
      hopper::init_barrier(&shared.dq_empty[i], 1);
    }
    hopper::publish_barriers();
    // A ticket: in order, a block waits only for blocks that run already.
    const std::int64_t tiles =
        std::int64_t{pass.shape.b} * pass.shape.h * (pass.t_padded / kQueriesOf<kHead>);
    shared.block = kOrdered ? atomicAdd(pass.turns + tiles * 2, 1) : static_cast<int>(blockIdx.x);
  }
  __syncthreads();
  const BlockWork<kHead, kCausal, kOrdered> work(pass, shared.block);
  if (threadIdx.x < 128) {
    hopper::give_registers<24>();
    if (threadIdx.x == 0) fetch<kHead>(pass, work, shared);
    if (threadIdx.x == 32) add_dq<kHead, kOrdered>(pass, work, shared, 0);
    if (threadIdx.x == 64) add_dq<kHead, kOrdered>(pass, work, shared, 1);
  } else {
    hopper::take_registers<240>();
    consume<kHead, kCausal>(pass, work, shared, static_cast<int>(threadIdx.x) / 128 - 1);
  }
}

}  // namespace wb::attention_backward
