// Rung 6: the lanes of a warp form a compact tile, and read shared memory in unbroken runs.
//
// Idea: A block of 4 warps owns a (128, 128) tile of C, a warp (64, 64) of that, a thread (16, 8) of that,
// as squares of (4, 4) that are spread over the warp's tile (tiling.cuh): lanes beside each other read 16
// bytes beside each other. Per step of depth a thread reads 24 values for 128 multiply-adds: 1 LDS.128 per
// 21 FFMA, where rung 5 has 1 per 16.
//
// Limited before: conflicts and number of reads: the wavefronts of shared memory fall from 709 to 306
// million, 3 million of them conflicts.
// Limits now: waiting alone. A step is copy, barrier, multiply, barrier; while a block copies, only the
// multiprocessor's other block can multiply. One warp per issued instruction waits for global memory (long
// scoreboard), and an instruction is issued in 56% of the cycles (sm__issue_active).
// Uses: 219 registers, 8.25 KiB of shared memory per block, two blocks per multiprocessor (sm_90a); 1024
// FFMA of 1188 instructions in the loop.
// Costs in clarity: a mapping from threads to outputs that one has to draw to understand.
#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_fp32/operands.cuh"
#include "solutions/ladders/matmul_fp32/tiling.cuh"

namespace wb {
namespace {

// A block owns (128, 128), a warp (64, 64), a thread (16, 8) of C.
using Tiles = ladder::Tiling<128, 128, 8, 64, 64, 16, 8>;
constexpr int kThreads = Tiles::kThreads;

template <MatmulLayout kLayout>
__global__ void __launch_bounds__(kThreads, 2) warp_tiles(const float* a,  // (M, K), or (K, M) for kTN
                                                          const float* b,  // (K, N), or (N, K) for kNT
                                                          float* c,        // (M, N)
                                                          int m, int n, int k, float alpha, float beta) {
  alignas(16) __shared__ float a_tile[Tiles::kDepth][Tiles::kStrideA];
  alignas(16) __shared__ float b_tile[Tiles::kDepth][Tiles::kStrideB];
  constexpr bool kInRowsA = ladder::kDepthInRowsOfA<kLayout>, kInRowsB = ladder::kDepthInRowsOfB<kLayout>;
  const bool a_vectors = ladder::allows_vectors(a, kInRowsA ? k : m);
  const bool b_vectors = ladder::allows_vectors(b, kInRowsB ? k : n);
  const ladder::TilePlace tile =
      ladder::place_of<Tiles::kTileM, Tiles::kTileN>(static_cast<int>(blockIdx.x), n);
  const int row = ladder::row_in_tile<Tiles>(0), column = ladder::column_in_tile<Tiles>(0);
  float sums[Tiles::kRows][Tiles::kColumns] = {};
  for (int start = 0; start < k; start += Tiles::kDepth) {
    ladder::load_tile4<Tiles::kTileM, Tiles::kDepth, kThreads, kInRowsA>(a_tile, a, m, k, tile.row, start,
                                                                         a_vectors);
    ladder::load_tile4<Tiles::kTileN, Tiles::kDepth, kThreads, kInRowsB>(b_tile, b, n, k, tile.column, start,
                                                                         b_vectors);
    __syncthreads();
#pragma unroll
    for (int depth = 0; depth < Tiles::kDepth; ++depth) {
      ladder::Fragment<Tiles> fragment;
      ladder::read_fragment<Tiles>(fragment, a_tile[depth], b_tile[depth], row, column);
      ladder::multiply<Tiles>(fragment, sums);
    }
    __syncthreads();
  }
  ladder::store_tile<Tiles>(c, m, n, tile.row, tile.column, ladder::allows_vectors(c, n), sums, alpha, beta);
}

void matmul_warp_tiles(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                       float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const unsigned grid = ladder::count_tiles(m, n, Tiles::kTileM, Tiles::kTileN);
  ladder::with_layout(layout, [&](auto of) {
    warp_tiles<of.value><<<grid, kThreads, 0, stream>>>(a, b, c, m, n, k, alpha, beta);
  });
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Matmul, warp_tiles, matmul_warp_tiles);

}  // namespace wb
