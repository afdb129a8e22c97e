// Rung 7: copies overlap the arithmetic, and no thread waits for them.
// Needs: sm_80
//
// Idea: cp.async copies from global to shared memory without passing through registers, and a thread goes on
// at once. Four stages in shared memory form a ring: one is multiplied, three are in flight. In the registers
// the same idea once more, two fragments: one is multiplied while the next is read. One barrier per step is
// left. Zeros beyond the edges come from the copy itself, which is told how many bytes to read
// (async_copy.cuh). A block now owns (128, 256) of C with 8 warps of rung 6, and fills the multiprocessor
// alone.
//
// Limited before: warps that wait for their copies: long scoreboard falls from 1 warp per issued
// instruction to 0.01, and an instruction is issued in 83% of the cycles in place of 56%.
// Limits now: issue slots that are no FFMA (1024 FFMA of 1125 instructions in the loop: 91%), and the tail
// of the grid: 512 tiles of a 4096 product are 3.9 rounds of 132 multiprocessors. In kNT both operands
// travel element by element, 12 copies per step instead of 6. Small products do not fill the GPU at all.
// Uses: 221 to 229 registers, no spills, 49 KiB of dynamic shared memory per block, one block per
// multiprocessor (sm_90a).
// Costs in clarity: a count of groups in flight that no compiler checks.
#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_fp32/async_copy.cuh"
#include "solutions/ladders/matmul_fp32/cp_async.h"
#include "solutions/ladders/matmul_fp32/operands.cuh"
#include "solutions/ladders/matmul_fp32/tiling.cuh"

namespace wb {
namespace {

// A block owns (128, 256), a warp (64, 64), a thread (16, 8) of C; a step covers 8 of K.
using Tiles = ladder::Tiling<128, 256, 8, 64, 64, 16, 8>;
constexpr int kDepth = Tiles::kDepth;
constexpr int kStages = 4;  // tiles in shared memory: one in use, three in flight
constexpr int kTileA = kDepth * Tiles::kStrideA, kTileB = kDepth * Tiles::kStrideB;
constexpr int kStage = kTileA + kTileB;
constexpr int kSharedBytes = kStages * kStage * static_cast<int>(sizeof(float));
constexpr int kGroup = 8;  // rows of tiles that blocks work on at the same time

// Blocks that run at the same time own tiles in kGroup rows of tiles: together they read fewer different rows
// of A and columns of B than a single long row of tiles does. Up to 8192 an H100 is as fast without it.
__device__ ladder::TilePlace grouped_place(int block, int m, int n) {
  const int down = (m + Tiles::kTileM - 1) / Tiles::kTileM, across = (n + Tiles::kTileN - 1) / Tiles::kTileN;
  const int first = block / (kGroup * across) * kGroup;
  const int height = min(kGroup, down - first);
  const int within = block - first * across;
  return {(first + within % height) * Tiles::kTileM, within / height * Tiles::kTileN};
}

template <int kTile, int kStride, bool kDepthInRows, bool kVectors>
using Copier = ladder::TileCopier<kTile, kDepth, kStride, Tiles::kThreads, kDepthInRows,
                                  kVectors && !kDepthInRows ? 4 : 1>;

template <MatmulLayout kLayout, bool kVectors>
__global__ void __launch_bounds__(Tiles::kThreads, 1) cp_async(const float* a,  // (M, K), or (K, M) for kTN
                                                               const float* b,  // (K, N), or (N, K) for kNT
                                                               float* c,        // (M, N)
                                                               int m, int n, int k, float alpha, float beta) {
  extern __shared__ __align__(16) float stages[];  // (kStages, kTileA + kTileB)
  const ladder::TilePlace tile = grouped_place(static_cast<int>(blockIdx.x), m, n);
  Copier<Tiles::kTileM, Tiles::kStrideA, ladder::kDepthInRowsOfA<kLayout>, kVectors> from_a(a, m, k,
                                                                                            tile.row);
  Copier<Tiles::kTileN, Tiles::kStrideB, ladder::kDepthInRowsOfB<kLayout>, kVectors> from_b(b, n, k,
                                                                                            tile.column);
  // One group for each step, past the end of K an empty one: then a count of groups is a count of steps.
  const auto start_copies = [&](int slot) {
    from_a.start(stages + slot * kStage);
    from_b.start(stages + slot * kStage + kTileA);
    ladder::commit_copies();
  };
#pragma unroll
  for (int slot = 0; slot < kStages - 1; ++slot) start_copies(slot);
  ladder::wait_for_copies<kStages - 2>();
  __syncthreads();

  const int row = ladder::row_in_tile<Tiles>(0), column = ladder::column_in_tile<Tiles>(0);
  float sums[Tiles::kRows][Tiles::kColumns] = {};
  // Two: one is multiplied while the next is read.
  ladder::Fragment<Tiles> fragments[2];
  ladder::read_fragment<Tiles>(fragments[0], stages, stages + kTileA, row, column);
  int slot = 0, free_slot = kStages - 1;
  for (int start = 0; start < k; start += kDepth) {
    start_copies(free_slot);
    free_slot = free_slot + 1 == kStages ? 0 : free_slot + 1;
#pragma unroll
    for (int depth = 0; depth < kDepth; ++depth) {
      if (depth == kDepth - 1) {
        // The last fragment of this step is in registers, so its slot may be overwritten after this barrier.
        ladder::wait_for_copies<kStages - 2>();
        __syncthreads();
        slot = slot + 1 == kStages ? 0 : slot + 1;
      }
      const float* next = stages + slot * kStage;
      const int next_depth = (depth + 1) % kDepth;
      ladder::read_fragment<Tiles>(fragments[(depth + 1) % 2], next + next_depth * Tiles::kStrideA,
                                   next + kTileA + next_depth * Tiles::kStrideB, row, column);
      ladder::multiply<Tiles>(fragments[depth % 2], sums);
    }
  }
  ladder::store_tile<Tiles>(c, m, n, tile.row, tile.column, ladder::allows_vectors(c, n), sums, alpha, beta);
}

}  // namespace

void ladder::matmul_cp_async(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n,
                             int k, float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const unsigned grid = ladder::count_tiles(m, n, Tiles::kTileM, Tiles::kTileN);
  // Where depth is in the rows, elements travel one by one anyway.
  const bool vectors = (layout != MatmulLayout::kTN || ladder::allows_vectors(a, m)) &&
                       layout != MatmulLayout::kNT && ladder::allows_vectors(b, n);
  ladder::with_layout(layout, [&](auto of) {
    const auto kernel =
        vectors ? cp_async<of.value, of.value != MatmulLayout::kNT> : cp_async<of.value, false>;
    // A block gets more than 48 KiB only when it is asked for.
    WB_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes));
    kernel<<<grid, Tiles::kThreads, kSharedBytes, stream>>>(a, b, c, m, n, k, alpha, beta);
  });
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Matmul, cp_async, ladder::matmul_cp_async);

}  // namespace wb
