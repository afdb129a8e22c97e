// Rung 8: tiles as small as the product demands, and a start in the shadow of the kernel before.
//
// Idea: a model's products are small: (1024, 512) by tiles of (128, 256) is 16 blocks on 132
// multiprocessors. So the tile is the largest of four that still gives nearly every multiprocessor one.
// What then weighs is the start: barriers, tensor maps and the launch itself take as long as the product.
// With programmatic dependent launch they happen while the kernel before still runs.
//
// Limited before: 116 of 132 multiprocessors without work, then more than a microsecond of start for two of
// product.
//
// Limits now: what a multiprocessor can take in: a step of a (128, 128) tile brings 32 KiB for 512 cycles
// of products, 64 bytes per cycle.
//
// Costs in clarity: four instances of the kernel, and a rule to choose among them. 77 to 168 registers.
//
// Needs: sm_90a
#include <algorithm>

#include "02_matmul/matmul_check.h"
#include "common/core/device_attribute.h"
#include "common/core/registry.h"
#include "common/hopper/dependent_launch.cuh"
#include "solutions/ladders/matmul_bf16/launch.h"
#include "solutions/ladders/matmul_bf16/staged_store.cuh"
#include "solutions/ladders/matmul_bf16/tile_order.cuh"
#include "solutions/ladders/matmul_bf16/wgmma_tiles.cuh"

namespace wb {
namespace {

constexpr int kBand = 16;

// The tile of C that a block owns: 64 rows per consumer.
template <int kItsConsumers, int kItsTileN, int kItsStages>
struct Shape {
  static constexpr int kConsumers = kItsConsumers;  // warpgroups
  static constexpr int kThreads = 128 * (1 + kConsumers);
  static constexpr int kTileM = 64 * kConsumers;
  static constexpr int kTileN = kItsTileN;
  static constexpr int kStages = kItsStages;
  template <MatmulLayout kLayout>
  using Tiles = WgmmaTiles<kLayout, kTileM, kTileN>;
  static constexpr int kRingBytes = kStages * Tiles<MatmulLayout::kNN>::kStageBytes;
  static constexpr int kSharedBytes = kRingBytes + kConsumers * kStagingBytesPerWarpgroup + kAlignSlack;
};

template <MatmulLayout kLayout, class Shape, class Out>
__global__ void __launch_bounds__(Shape::kThreads, 1)
    small_tiles_kernel(const __grid_constant__ CUtensorMap a_map, const __grid_constant__ CUtensorMap b_map,
                       const __grid_constant__ CUtensorMap c_map, int k, Result<Out> result, TileOrder order,
                       bool store_by_tma) {
  using Tiles = typename Shape::template Tiles<kLayout>;
  constexpr int kStages = Shape::kStages;
  constexpr int kTileN = Shape::kTileN;
  unsigned char* stages = aligned_shared_memory();  // (kStages, kStageBytes)
  __shared__ std::uint64_t full[kStages];
  __shared__ std::uint64_t empty[kStages];
  const int steps = (k + kDepth - 1) / kDepth;
  if (threadIdx.x == 0) {
    for (std::uint64_t& barrier : full) hopper::init_barrier(&barrier, 1);
    for (std::uint64_t& barrier : empty) hopper::init_barrier(&barrier, Shape::kConsumers);
    hopper::publish_barriers();
  }
  __syncthreads();
  // Whoever is next may set up its barriers too; all blocks of this grid have their multiprocessor already.
  hopper::let_next_kernel_start();
  hopper::wait_for_previous_kernel();

  hopper::RingPosition at;
  if (threadIdx.x < 128) {
    if constexpr (Shape::kConsumers == 2) hopper::give_registers<40>();
    if (threadIdx.x != 0) return;
    for (int tile = static_cast<int>(blockIdx.x); tile < order.count(); tile += static_cast<int>(gridDim.x)) {
      int row, column;
      order.place(tile, row, column);
      for (int step = 0; step < steps; ++step) {
        unsigned char* tiles = stages + at.stage * Tiles::kStageBytes;
        hopper::wait(&empty[at.stage], at.parity ^ 1);
        hopper::arrive_expecting(&full[at.stage], Tiles::kStageBytes);
        Tiles::load_a(&a_map, tiles, &full[at.stage], row * Shape::kTileM, step * kDepth);
        Tiles::load_b(&b_map, tiles, &full[at.stage], column * kTileN, step * kDepth);
        at.advance<kStages>();
      }
    }
    return;
  }
  if constexpr (Shape::kConsumers == 2) hopper::take_registers<232>();
  const int consumer = static_cast<int>(threadIdx.x) / 128 - 1;
  bf16* staging = reinterpret_cast<bf16*>(stages + Shape::kRingBytes + consumer * kStagingBytesPerWarpgroup);
  float sums[kTileN / 2];
  int stored = 0;
  for (int tile = static_cast<int>(blockIdx.x); tile < order.count(); tile += static_cast<int>(gridDim.x)) {
    int row, column;
    order.place(tile, row, column);
    row = row * Shape::kTileM + consumer * 64;
    column *= kTileN;
    int previous = 0;
    for (int step = 0; step < steps; ++step) {
      hopper::wait(&full[at.stage], at.parity);
      Tiles::multiply_stage(sums, stages + at.stage * Tiles::kStageBytes, consumer, step == 0);
      hopper::wait_for_products<1>();
      if (step > 0 && threadIdx.x % 128 == 0) hopper::arrive(&empty[previous]);
      previous = at.stage;
      at.advance<kStages>();
    }
    hopper::wait_for_products<0>();
    hopper::hold(sums);
    if (threadIdx.x % 128 == 0) hopper::arrive(&empty[previous]);
    if (store_by_tma) {
      store_staged<kTileN>(&c_map, staging, sums, result.alpha, row, column, consumer, stored);
      stored += kTileN / 64;
    } else {
      Tiles::store(result, sums, row, column);
    }
  }
  hopper::wait_for_stores<0>();
}

template <class Shape, MatmulLayout kLayout, class Out>
void launch(const PaddedOperand& a, const PaddedOperand& b, int k, const Result<Out>& result,
            cudaStream_t stream) {
  using Tiles = typename Shape::template Tiles<kLayout>;
  const int tiles = static_cast<int>(tile_count(result.m, result.n, Shape::kTileM, Shape::kTileN));
  const int columns = (result.n + Shape::kTileN - 1) / Shape::kTileN;
  const bool store_by_tma = can_store_by_tma(result.c, result.n, result.beta);
  const auto kernel = small_tiles_kernel<kLayout, Shape, Out>;
  allow_shared_memory(kernel, Shape::kSharedBytes);
  cudaLaunchAttribute early = hopper::may_start_early();
  cudaLaunchConfig_t config = {};
  config.gridDim =
      dim3(static_cast<unsigned>(std::min(tiles, device_attribute(cudaDevAttrMultiProcessorCount))));
  config.blockDim = dim3(Shape::kThreads);
  config.dynamicSmemBytes = Shape::kSharedBytes;
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = 1;
  WB_CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, Tiles::map_a(a), Tiles::map_b(b),
                                   map_result(result.c, result.m, result.n, store_by_tma), k, result,
                                   TileOrder{tiles / columns, columns, kBand}, store_by_tma));
}

template <class Out>
void small_tiles(MatmulLayout layout, const bf16* a, const bf16* b, Out* c, int m, int n, int k, float alpha,
                 float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  // The largest tile that leaves at most an eighth of the multiprocessors without one.
  const auto fills = [&](int rows, int columns) {
    return std::int64_t{8} * tile_count(m, n, rows, columns) >=
           7 * device_attribute(cudaDevAttrMultiProcessorCount);
  };
  for_layout(layout, [&](auto constant) {
    constexpr MatmulLayout kLayout = constant.value;
    const PaddedOperand a_padded(a, is_mn_major_a(kLayout) ? k : m, is_mn_major_a(kLayout) ? m : k, stream);
    const PaddedOperand b_padded(b, is_mn_major_b(kLayout) ? k : n, is_mn_major_b(kLayout) ? n : k, stream);
    const Result<Out> result{c, m, n, alpha, beta};
    if (fills(128, 256)) {
      launch<Shape<2, 256, 4>, kLayout>(a_padded, b_padded, k, result, stream);
    } else if (fills(128, 128)) {
      launch<Shape<2, 128, 6>, kLayout>(a_padded, b_padded, k, result, stream);
    } else if (fills(64, 128)) {
      launch<Shape<1, 128, 6>, kLayout>(a_padded, b_padded, k, result, stream);
    } else {
      launch<Shape<1, 64, 8>, kLayout>(a_padded, b_padded, k, result, stream);
    }
  });
}

}  // namespace

WB_REGISTER(MatmulBf16, small_tiles, small_tiles);
WB_REGISTER(MatmulBf16ToFloat, small_tiles, small_tiles);

}  // namespace wb
