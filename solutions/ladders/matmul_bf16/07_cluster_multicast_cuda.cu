// Rung 7: two blocks of a cluster share a tile of b (TMA multicast).
//
// Idea: two blocks, one below the other, multiply different rows of a by the same columns of b. Each loads
// half of b's tile, and TMA writes it into the shared memory of both: a stage reads 32 KiB per block from the
// L2 cache, instead of 48.
//
// Limited before: nothing that this rung can improve. The L2 cache was fast enough, and ncu counts no fewer
// sectors read from it here (36 million, 33 before).
//
// Limits now: power, as before.
//
// Costs in clarity: a buffer is empty when four warpgroups of two blocks have arrived, and a block may not
// end before its neighbor. An arrival at the neighbor's barrier must not release to the whole cluster
// (mbarrier.cuh): that waits for all stores of the block, at each step, and was a third slower than no
// multicast at all.
//
// Needs: sm_90a
#include <algorithm>

#include "02_matmul/matmul_check.h"
#include "common/core/device_attribute.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_bf16/launch.h"
#include "solutions/ladders/matmul_bf16/staged_store.cuh"
#include "solutions/ladders/matmul_bf16/tile_order.cuh"
#include "solutions/ladders/matmul_bf16/wgmma_tiles.cuh"

namespace wb {
namespace {

constexpr int kTileM = 128;    // rows of C that a block owns
constexpr int kTileN = 256;    // columns
constexpr int kConsumers = 2;  // warpgroups
constexpr int kThreads = 128 * (1 + kConsumers);
constexpr int kStages = 4;
constexpr int kBlocks = 2;  // of a cluster, one below the other
constexpr unsigned kEveryBlock = (1u << kBlocks) - 1;
constexpr int kBand = 8;  // rows of clusters

template <MatmulLayout kLayout>
using Tiles = WgmmaTiles<kLayout, kTileM, kTileN, kBlocks>;
constexpr int kRingBytes = kStages * Tiles<MatmulLayout::kNN>::kStageBytes;
constexpr int kSharedBytes = kRingBytes + kConsumers * kStagingBytesPerWarpgroup + kAlignSlack;

template <MatmulLayout kLayout, class Out>
__global__ void __cluster_dims__(kBlocks) __launch_bounds__(kThreads, 1)
    cluster_multicast_kernel(const __grid_constant__ CUtensorMap a_map,
                             const __grid_constant__ CUtensorMap b_map,
                             const __grid_constant__ CUtensorMap c_map, int k, Result<Out> result,
                             TileOrder order, bool store_by_tma) {
  unsigned char* stages = aligned_shared_memory();  // (kStages, kStageBytes)
  __shared__ std::uint64_t full[kStages];
  __shared__ std::uint64_t empty[kStages];
  const int steps = (k + kDepth - 1) / kDepth;
  const int rank = static_cast<int>(hopper::rank_in_cluster());
  const int cluster = static_cast<int>(blockIdx.x) / kBlocks;
  const int clusters = static_cast<int>(gridDim.x) / kBlocks;
  if (threadIdx.x == 0) {
    for (std::uint64_t& barrier : full) hopper::init_barrier(&barrier, 1);
    for (std::uint64_t& barrier : empty) hopper::init_barrier(&barrier, kConsumers * kBlocks);
    hopper::publish_barriers();
  }
  hopper::sync_cluster();

  hopper::RingPosition at;
  if (threadIdx.x < 128) {
    hopper::give_registers<40>();
    for (int tile = cluster; tile < order.count() && threadIdx.x == 0; tile += clusters) {
      int row, column;
      order.place(tile, row, column);
      for (int step = 0; step < steps; ++step) {
        unsigned char* tiles = stages + at.stage * Tiles<kLayout>::kStageBytes;
        hopper::wait(&empty[at.stage], at.parity ^ 1);
        hopper::arrive_expecting(&full[at.stage],
                                 Tiles<kLayout>::kStageBytes);  // the neighbor's half of b too
        Tiles<kLayout>::load_a(&a_map, tiles, &full[at.stage], (row * kBlocks + rank) * kTileM,
                               step * kDepth);
        Tiles<kLayout>::load_b(&b_map, tiles, &full[at.stage], column * kTileN, step * kDepth, rank,
                               kEveryBlock);
        at.advance<kStages>();
      }
    }
    hopper::sync_cluster();  // the neighbor may still write into this block
    return;
  }
  hopper::take_registers<232>();
  const int consumer = static_cast<int>(threadIdx.x) / 128 - 1;
  const unsigned thread = threadIdx.x % 128;
  bf16* staging = reinterpret_cast<bf16*>(stages + kRingBytes + consumer * kStagingBytesPerWarpgroup);
  float sums[kTileN / 2];
  for (int tile = cluster; tile < order.count(); tile += clusters) {
    int row, column;
    order.place(tile, row, column);
    row = (row * kBlocks + rank) * kTileM + consumer * 64;
    column *= kTileN;
    int previous = 0;
    for (int step = 0; step < steps; ++step) {
      hopper::wait(&full[at.stage], at.parity);
      Tiles<kLayout>::multiply_stage(sums, stages + at.stage * Tiles<kLayout>::kStageBytes, consumer,
                                     step == 0);
      hopper::wait_for_products<1>();
      if (step > 0 && thread < kBlocks) hopper::arrive_at(&empty[previous], thread);
      previous = at.stage;
      at.advance<kStages>();
    }
    hopper::wait_for_products<0>();
    hopper::hold(sums);
    if (thread < kBlocks) hopper::arrive_at(&empty[previous], thread);
    if (store_by_tma) {
      store_staged<kTileN>(&c_map, staging, sums, result.alpha, row, column, consumer, 0);
    } else {
      Tiles<kLayout>::store(result, sums, row, column);
    }
  }
  hopper::wait_for_stores<0>();
  hopper::sync_cluster();
}

template <class Out>
void cluster_multicast(MatmulLayout layout, const bf16* a, const bf16* b, Out* c, int m, int n, int k,
                       float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  for_layout(layout, [&](auto constant) {
    constexpr MatmulLayout kLayout = constant.value;
    const PaddedOperand a_padded(a, is_mn_major_a(kLayout) ? k : m, is_mn_major_a(kLayout) ? m : k, stream);
    const PaddedOperand b_padded(b, is_mn_major_b(kLayout) ? k : n, is_mn_major_b(kLayout) ? n : k, stream);
    const int tiles = static_cast<int>(tile_count(m, n, kTileM * kBlocks, kTileN));
    const int columns = (n + kTileN - 1) / kTileN;
    const bool store_by_tma = can_store_by_tma(c, n, beta);
    const auto kernel = cluster_multicast_kernel<kLayout, Out>;
    allow_shared_memory(kernel, kSharedBytes);
    const int blocks = kBlocks * std::min(tiles, device_attribute(cudaDevAttrMultiProcessorCount) / kBlocks);
    kernel<<<static_cast<unsigned>(blocks), kThreads, kSharedBytes, stream>>>(
        Tiles<kLayout>::map_a(a_padded), Tiles<kLayout>::map_b(b_padded), map_result(c, m, n, store_by_tma),
        k, Result<Out>{c, m, n, alpha, beta}, TileOrder{tiles / columns, columns, kBand}, store_by_tma);
    WB_CHECK_LAUNCH();
  });
}

}  // namespace

WB_REGISTER(MatmulBf16, cluster_multicast, cluster_multicast);
WB_REGISTER(MatmulBf16ToFloat, cluster_multicast, cluster_multicast);

}  // namespace wb
