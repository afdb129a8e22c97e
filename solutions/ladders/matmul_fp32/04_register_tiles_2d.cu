// Rung 4: 16 values from shared memory serve 64 multiply-adds of a thread.
//
// Idea: A block of 256 threads owns a (128, 128) tile of C and walks K in steps of 8. Each thread owns an
// (8, 8) square: per step of depth it reads 8 values of A and 8 of B and takes their outer product. The
// larger tile of the block also halves what comes from the L2 cache: a value serves 128 multiply-adds.
//
// Limited before: reads of shared memory: MIO throttle falls from 1 warp per issued instruction to 0.03.
// Limits now: the copies, at the start of each step: 1.1 warps per issued instruction wait for global
// memory (long scoreboard). The reads of B are poor, but do not bind yet: the squares of neighboring
// threads lie 8 floats apart, so the 16 addresses of a warp fall into 4 banks. Half of the wavefronts of
// shared memory are conflicts (l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum).
// Uses: 128 registers (kNN keeps 24 bytes per thread in local memory), 8.1 KiB of shared memory per block,
// two blocks per multiprocessor (sm_90a).
// Costs in clarity: a second loop.
#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_fp32/operands.cuh"

namespace wb {
namespace {

constexpr int kTile = 128;              // rows and columns of C that a block owns
constexpr int kDepth = 8;               // how much of K a step covers
constexpr int kSide = 8;                // rows and columns of C that a thread owns
constexpr int kAcross = kTile / kSide;  // threads side by side
constexpr int kThreads = kAcross * kAcross;
constexpr int kStride = kTile + 1;  // padded: a copy that transposes then writes to different banks

template <MatmulLayout kLayout>
__global__ void __launch_bounds__(kThreads, 2)
    register_tiles_2d(const float* a,  // (M, K), or (K, M) for kTN
                      const float* b,  // (K, N), or (N, K) for kNT
                      float* c,        // (M, N)
                      int m, int n, int k, float alpha, float beta) {
  __shared__ float a_tile[kDepth][kStride];
  __shared__ float b_tile[kDepth][kStride];
  const ladder::TilePlace tile = ladder::place_of<kTile, kTile>(static_cast<int>(blockIdx.x), n);
  const int row = static_cast<int>(threadIdx.x) / kAcross * kSide;     // within the tile
  const int column = static_cast<int>(threadIdx.x) % kAcross * kSide;  // within the tile
  float sums[kSide][kSide] = {};
  for (int start = 0; start < k; start += kDepth) {
    ladder::load_tile<kTile, kDepth, kThreads, ladder::kDepthInRowsOfA<kLayout>>(a_tile, a, m, k, tile.row,
                                                                                 start);
    ladder::load_tile<kTile, kDepth, kThreads, ladder::kDepthInRowsOfB<kLayout>>(b_tile, b, n, k, tile.column,
                                                                                 start);
    __syncthreads();
#pragma unroll
    for (int depth = 0; depth < kDepth; ++depth) {
      float from_a[kSide], from_b[kSide];
#pragma unroll
      for (int i = 0; i < kSide; ++i) {
        from_a[i] = a_tile[depth][row + i];
        from_b[i] = b_tile[depth][column + i];
      }
#pragma unroll
      for (int i = 0; i < kSide; ++i) {
#pragma unroll
        for (int j = 0; j < kSide; ++j) sums[i][j] += from_a[i] * from_b[j];
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kSide; ++i) {
#pragma unroll
    for (int j = 0; j < kSide; ++j) {
      ladder::store_output(c, m, n, tile.row + row + i, tile.column + column + j, sums[i][j], alpha, beta);
    }
  }
}

void matmul_register_tiles_2d(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n,
                              int k, float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const unsigned grid = ladder::count_tiles(m, n, kTile, kTile);
  ladder::with_layout(layout, [&](auto of) {
    register_tiles_2d<of.value><<<grid, kThreads, 0, stream>>>(a, b, c, m, n, k, alpha, beta);
  });
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Matmul, register_tiles_2d, matmul_register_tiles_2d);

}  // namespace wb
