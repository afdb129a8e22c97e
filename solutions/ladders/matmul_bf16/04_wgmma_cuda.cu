// Rung 4: a warpgroup's product (wgmma) directly from shared memory, which TMA fills.
//
// Idea: wgmma reads both operands from shared memory, so no fragment passes through registers; and one thread
// starts a TMA copy of a whole tile, so the threads copy nothing. The 256 threads only start products and
// hold sums: the tile of C stays (128, 128), two warpgroups of (64, 128).
//
// Limited before: waiting for fragments, and the instructions around them. For each mma.sync of 2048
// multiply-adds a warp also ran its share of ldmatrix, address arithmetic and cp.async; a wgmma here does
// 131,072. At 4096, 43 million instructions remain of 195 million.
//
// Limits now: after each step all threads wait at a barrier before the buffer is filled again, and the tensor
// cores are idle in the meantime (7 warps wait at a barrier per instruction issued).
//
// Costs in clarity: descriptors and tensor maps (common/hopper), and barriers that count bytes. 90
// registers, 97 KiB of shared memory.
//
// Needs: sm_90a
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_bf16/launch.h"
#include "solutions/ladders/matmul_bf16/wgmma_tiles.cuh"

namespace wb {
namespace {

constexpr int kTile = 128;  // rows and columns of C that a block owns
constexpr int kThreads = 256;
constexpr int kStages = 3;  // two blocks fit on a multiprocessor

template <MatmulLayout kLayout>
using Tiles = WgmmaTiles<kLayout, kTile, kTile>;
constexpr int kSharedBytes = kStages * Tiles<MatmulLayout::kNN>::kStageBytes + kAlignSlack;

template <MatmulLayout kLayout, class Out>
__global__ void __launch_bounds__(kThreads)
    wgmma_kernel(const __grid_constant__ CUtensorMap a_map, const __grid_constant__ CUtensorMap b_map, int k,
                 Result<Out> result) {
  unsigned char* stages = aligned_shared_memory();  // (kStages, kStageBytes)
  __shared__ std::uint64_t full[kStages];
  const int tiles_across = (result.n + kTile - 1) / kTile;
  const int row = static_cast<int>(blockIdx.x) / tiles_across * kTile;
  const int column = static_cast<int>(blockIdx.x) % tiles_across * kTile;
  const int warpgroup = static_cast<int>(threadIdx.x) / 128;
  const int steps = (k + kDepth - 1) / kDepth;

  const auto begin_step = [&](int step) {
    const int stage = step % kStages;
    unsigned char* tiles = stages + stage * Tiles<kLayout>::kStageBytes;
    hopper::arrive_expecting(&full[stage], Tiles<kLayout>::kStageBytes);
    Tiles<kLayout>::load_a(&a_map, tiles, &full[stage], row, step * kDepth);
    Tiles<kLayout>::load_b(&b_map, tiles, &full[stage], column, step * kDepth);
  };
  if (threadIdx.x == 0) {
    for (std::uint64_t& barrier : full) hopper::init_barrier(&barrier, 1);
    hopper::publish_barriers();
    for (int step = 0; step < kStages && step < steps; ++step) begin_step(step);
  }
  __syncthreads();

  float sums[kTile / 2];
  hopper::RingPosition at;
  for (int step = 0; step < steps; ++step) {
    hopper::wait(&full[at.stage], at.parity);
    Tiles<kLayout>::multiply_stage(sums, stages + at.stage * Tiles<kLayout>::kStageBytes, warpgroup,
                                   step == 0);
    hopper::wait_for_products<0>();
    // Both warpgroups have read this buffer: it may be filled again.
    __syncthreads();
    if (threadIdx.x == 0 && step + kStages < steps) begin_step(step + kStages);
    at.advance<kStages>();
  }
  hopper::hold(sums);
  Tiles<kLayout>::store(result, sums, row + warpgroup * 64, column);
}

template <class Out>
void wgmma(MatmulLayout layout, const bf16* a, const bf16* b, Out* c, int m, int n, int k, float alpha,
           float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  for_layout(layout, [&](auto constant) {
    constexpr MatmulLayout kLayout = constant.value;
    const PaddedOperand a_padded(a, is_mn_major_a(kLayout) ? k : m, is_mn_major_a(kLayout) ? m : k, stream);
    const PaddedOperand b_padded(b, is_mn_major_b(kLayout) ? k : n, is_mn_major_b(kLayout) ? n : k, stream);
    const auto kernel = wgmma_kernel<kLayout, Out>;
    allow_shared_memory(kernel, kSharedBytes);
    kernel<<<tile_count(m, n, kTile, kTile), kThreads, kSharedBytes, stream>>>(
        Tiles<kLayout>::map_a(a_padded), Tiles<kLayout>::map_b(b_padded), k,
        Result<Out>{c, m, n, alpha, beta});
    WB_CHECK_LAUNCH();
  });
}

}  // namespace

WB_REGISTER(MatmulBf16, wgmma, wgmma);
WB_REGISTER(MatmulBf16ToFloat, wgmma, wgmma);

}  // namespace wb
