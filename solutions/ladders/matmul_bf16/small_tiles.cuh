// The kernel of rung 8, with a seam for an epilogue: what happens to a tile's sums in registers before they
// leave for memory. Rung 8 leaves them as they are; solutions/ladders/bias_gelu_bf16 adds a bias and GELU.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/core/device_attribute.h"
#include "common/hopper/dependent_launch.cuh"
#include "solutions/ladders/matmul_bf16/launch.h"
#include "solutions/ladders/matmul_bf16/staged_store.cuh"
#include "solutions/ladders/matmul_bf16/tile_order.cuh"
#include "solutions/ladders/matmul_bf16/wgmma_tiles.cuh"

namespace wb::small_tiles {

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

/// An epilogue: OfTile<kTileN>(epilogue, column) is made before the first product of a tile, of which
/// `column` is the first, so that what it loads arrives meanwhile. Called on the sums, it may change them.
struct NoEpilogue {
  template <int kTileN>
  struct OfTile {
    __device__ OfTile(const NoEpilogue&, int) {}
    __device__ void operator()(float (&)[kTileN / 2]) const {}
  };
};

template <MatmulLayout kLayout, class Shape, class Epilogue, class Out>
__global__ void __launch_bounds__(Shape::kThreads, 1)
    small_tiles_kernel(const __grid_constant__ CUtensorMap a_map, const __grid_constant__ CUtensorMap b_map,
                       const __grid_constant__ CUtensorMap c_map, int k, Result<Out> result, TileOrder order,
                       Epilogue epilogue, bool store_by_tma) {
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
    const typename Epilogue::template OfTile<kTileN> finish(epilogue, column);
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
    finish(sums);
    if (store_by_tma) {
      store_staged<kTileN>(&c_map, staging, sums, result.alpha, row, column, consumer, stored);
      stored += kTileN / 64;
    } else {
      Tiles::store(result, sums, row, column);
    }
  }
  hopper::wait_for_stores<0>();
}

template <class Shape, MatmulLayout kLayout, class Epilogue, class Out>
void launch_shape(const PaddedOperand& a, const PaddedOperand& b, int k, const Result<Out>& result,
                  const Epilogue& epilogue, cudaStream_t stream) {
  using Tiles = typename Shape::template Tiles<kLayout>;
  const int tiles = static_cast<int>(tile_count(result.m, result.n, Shape::kTileM, Shape::kTileN));
  const int columns = (result.n + Shape::kTileN - 1) / Shape::kTileN;
  const bool store_by_tma = can_store_by_tma(result.c, result.n, result.beta);
  const auto kernel = small_tiles_kernel<kLayout, Shape, Epilogue, Out>;
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
                                   TileOrder{tiles / columns, columns, kBand}, epilogue, store_by_tma));
}

/// C = alpha op(A) op(B) + beta C, then the epilogue. In the largest tile that leaves at most an eighth of
/// the multiprocessors without one.
template <MatmulLayout kLayout, class Epilogue, class Out>
void launch(const bf16* a, const bf16* b, int k, const Result<Out>& result, const Epilogue& epilogue,
            cudaStream_t stream) {
  const int m = result.m, n = result.n;
  const auto fills = [&](int rows, int columns) {
    return std::int64_t{8} * tile_count(m, n, rows, columns) >=
           7 * device_attribute(cudaDevAttrMultiProcessorCount);
  };
  const PaddedOperand a_padded(a, is_mn_major_a(kLayout) ? k : m, is_mn_major_a(kLayout) ? m : k, stream);
  const PaddedOperand b_padded(b, is_mn_major_b(kLayout) ? k : n, is_mn_major_b(kLayout) ? n : k, stream);
  if (fills(128, 256)) {
    launch_shape<Shape<2, 256, 4>, kLayout>(a_padded, b_padded, k, result, epilogue, stream);
  } else if (fills(128, 128)) {
    launch_shape<Shape<2, 128, 6>, kLayout>(a_padded, b_padded, k, result, epilogue, stream);
  } else if (fills(64, 128)) {
    launch_shape<Shape<1, 128, 6>, kLayout>(a_padded, b_padded, k, result, epilogue, stream);
  } else {
    launch_shape<Shape<1, 64, 8>, kLayout>(a_padded, b_padded, k, result, epilogue, stream);
  }
}

}  // namespace wb::small_tiles
