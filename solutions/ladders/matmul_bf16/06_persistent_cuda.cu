// Rung 6: one block per multiprocessor for the whole product, in an order that hits the L2 cache.
//
// Idea: a block takes tile after tile (a persistent grid). The ring is never empty between tiles: while the
// consumers write C, the producer already loads for the next tile. Tiles are taken in bands of 16 rows, so
// that the data that the 132 blocks read at one time fits in the L2 cache. C goes through shared memory to
// TMA, which writes whole rows of 128 bytes.
//
// Limited before: start and end of each block (launch, first loads, stores) overlapped with no other work,
// and 48 million sectors came from the L2 cache; now 33 million.
//
// Limits now: the power of the chip: on random data its clock falls to about 1.5 GHz when this kernel, or
// the library's, runs for milliseconds.
//
// Costs in clarity: an order of tiles, and a second way to store for the C that TMA cannot write (fp32,
// beta, odd rows). 168 registers, 225 KiB of shared memory.
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
constexpr int kBand = 16;

template <MatmulLayout kLayout>
using Tiles = WgmmaTiles<kLayout, kTileM, kTileN>;
constexpr int kRingBytes = kStages * Tiles<MatmulLayout::kNN>::kStageBytes;
constexpr int kSharedBytes = kRingBytes + kConsumers * kStagingBytesPerWarpgroup + kAlignSlack;

template <MatmulLayout kLayout, class Out>
__global__ void __launch_bounds__(kThreads, 1)
    persistent_kernel(const __grid_constant__ CUtensorMap a_map, const __grid_constant__ CUtensorMap b_map,
                      const __grid_constant__ CUtensorMap c_map, int k, Result<Out> result, TileOrder order,
                      bool store_by_tma) {
  unsigned char* stages = aligned_shared_memory();  // (kStages, kStageBytes)
  __shared__ std::uint64_t full[kStages];
  __shared__ std::uint64_t empty[kStages];
  const int steps = (k + kDepth - 1) / kDepth;
  if (threadIdx.x == 0) {
    for (std::uint64_t& barrier : full) hopper::init_barrier(&barrier, 1);
    for (std::uint64_t& barrier : empty) hopper::init_barrier(&barrier, kConsumers);
    hopper::publish_barriers();
  }
  __syncthreads();

  hopper::RingPosition at;
  if (threadIdx.x < 128) {
    hopper::give_registers<40>();
    if (threadIdx.x != 0) return;
    for (int tile = static_cast<int>(blockIdx.x); tile < order.count(); tile += static_cast<int>(gridDim.x)) {
      int row, column;
      order.place(tile, row, column);
      for (int step = 0; step < steps; ++step) {
        unsigned char* tiles = stages + at.stage * Tiles<kLayout>::kStageBytes;
        hopper::wait(&empty[at.stage], at.parity ^ 1);
        hopper::arrive_expecting(&full[at.stage], Tiles<kLayout>::kStageBytes);
        Tiles<kLayout>::load_a(&a_map, tiles, &full[at.stage], row * kTileM, step * kDepth);
        Tiles<kLayout>::load_b(&b_map, tiles, &full[at.stage], column * kTileN, step * kDepth);
        at.advance<kStages>();
      }
    }
    return;
  }
  hopper::take_registers<232>();
  const int consumer = static_cast<int>(threadIdx.x) / 128 - 1;
  bf16* staging = reinterpret_cast<bf16*>(stages + kRingBytes + consumer * kStagingBytesPerWarpgroup);
  float sums[kTileN / 2];
  for (int tile = static_cast<int>(blockIdx.x); tile < order.count(); tile += static_cast<int>(gridDim.x)) {
    int row, column;
    order.place(tile, row, column);
    row = row * kTileM + consumer * 64;
    column *= kTileN;
    int previous = 0;
    for (int step = 0; step < steps; ++step) {
      hopper::wait(&full[at.stage], at.parity);
      Tiles<kLayout>::multiply_stage(sums, stages + at.stage * Tiles<kLayout>::kStageBytes, consumer,
                                     step == 0);
      hopper::wait_for_products<1>();
      if (step > 0 && threadIdx.x % 128 == 0) hopper::arrive(&empty[previous]);
      previous = at.stage;
      at.advance<kStages>();
    }
    hopper::wait_for_products<0>();
    hopper::hold(sums);
    if (threadIdx.x % 128 == 0) hopper::arrive(&empty[previous]);
    if (store_by_tma) {
      store_staged<kTileN>(&c_map, staging, sums, result.alpha, row, column, consumer, 0);
    } else {
      Tiles<kLayout>::store(result, sums, row, column);
    }
  }
  hopper::wait_for_stores<0>();
}

template <class Out>
void persistent(MatmulLayout layout, const bf16* a, const bf16* b, Out* c, int m, int n, int k, float alpha,
                float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  for_layout(layout, [&](auto constant) {
    constexpr MatmulLayout kLayout = constant.value;
    const PaddedOperand a_padded(a, is_mn_major_a(kLayout) ? k : m, is_mn_major_a(kLayout) ? m : k, stream);
    const PaddedOperand b_padded(b, is_mn_major_b(kLayout) ? k : n, is_mn_major_b(kLayout) ? n : k, stream);
    const int tiles = static_cast<int>(tile_count(m, n, kTileM, kTileN));
    const int columns = (n + kTileN - 1) / kTileN;
    const bool store_by_tma = can_store_by_tma(c, n, beta);
    const auto kernel = persistent_kernel<kLayout, Out>;
    allow_shared_memory(kernel, kSharedBytes);
    const int blocks = std::min(tiles, device_attribute(cudaDevAttrMultiProcessorCount));
    kernel<<<static_cast<unsigned>(blocks), kThreads, kSharedBytes, stream>>>(
        Tiles<kLayout>::map_a(a_padded), Tiles<kLayout>::map_b(b_padded), map_result(c, m, n, store_by_tma),
        k, Result<Out>{c, m, n, alpha, beta}, TileOrder{tiles / columns, columns, kBand}, store_by_tma);
    WB_CHECK_LAUNCH();
  });
}

}  // namespace

WB_REGISTER(MatmulBf16, persistent, persistent);
WB_REGISTER(MatmulBf16ToFloat, persistent, persistent);

}  // namespace wb
