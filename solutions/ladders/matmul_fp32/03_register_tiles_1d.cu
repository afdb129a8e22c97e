// Rung 3: a value from shared memory serves many outputs of a thread.
//
// Idea: A block of 256 threads owns a (64, 64) tile of C and walks K in steps of 16. Each thread owns 16
// outputs of one column: an element of B's tile, once read, serves 16 multiply-adds from a register. The
// elements of A are the same for all lanes of a warp (one address, a broadcast), and the compiler reads
// some of them 4 at a time.
//
// Limited before: the pipe of shared memory: MIO throttle falls from 17 warps per issued instruction to 1,
// the wavefronts from 4.6 to 1.5 billion.
// Limits now: two things alike: reads of shared memory, 5 to 6 for 16 multiply-adds (60 LDS.128, 32
// smaller, 256 FFMA in the loop), and the copies, for which 1.3 warps per issued instruction wait (long
// scoreboard).
// Uses: 64 registers, 8.1 KiB of shared memory per block (sm_90a).
// Costs in clarity: an array of sums.
#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_fp32/operands.cuh"

namespace wb {
namespace {

constexpr int kTile = 64;   // rows and columns of C that a block owns
constexpr int kDepth = 16;  // how much of K a step covers
constexpr int kRows = 16;   // rows of one column of C that a thread owns
constexpr int kThreads = kTile * kTile / kRows;
constexpr int kStride = kTile + 1;  // padded: a copy that transposes then writes to different banks

template <MatmulLayout kLayout>
__global__ void __launch_bounds__(kThreads) register_tiles_1d(const float* a,  // (M, K), or (K, M) for kTN
                                                              const float* b,  // (K, N), or (N, K) for kNT
                                                              float* c,        // (M, N)
                                                              int m, int n, int k, float alpha, float beta) {
  __shared__ float a_tile[kDepth][kStride];
  __shared__ float b_tile[kDepth][kStride];
  const ladder::TilePlace tile = ladder::place_of<kTile, kTile>(static_cast<int>(blockIdx.x), n);
  const int row = static_cast<int>(threadIdx.x) / kTile * kRows;  // within the tile
  const int column = static_cast<int>(threadIdx.x) % kTile;       // within the tile
  float sums[kRows] = {};
  for (int start = 0; start < k; start += kDepth) {
    ladder::load_tile<kTile, kDepth, kThreads, ladder::kDepthInRowsOfA<kLayout>>(a_tile, a, m, k, tile.row,
                                                                                 start);
    ladder::load_tile<kTile, kDepth, kThreads, ladder::kDepthInRowsOfB<kLayout>>(b_tile, b, n, k, tile.column,
                                                                                 start);
    __syncthreads();
#pragma unroll
    for (int depth = 0; depth < kDepth; ++depth) {
      const float from_b = b_tile[depth][column];
#pragma unroll
      for (int i = 0; i < kRows; ++i) sums[i] += a_tile[depth][row + i] * from_b;
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    ladder::store_output(c, m, n, tile.row + row + i, tile.column + column, sums[i], alpha, beta);
  }
}

void matmul_register_tiles_1d(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n,
                              int k, float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const unsigned grid = ladder::count_tiles(m, n, kTile, kTile);
  ladder::with_layout(layout, [&](auto of) {
    register_tiles_1d<of.value><<<grid, kThreads, 0, stream>>>(a, b, c, m, n, k, alpha, beta);
  });
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Matmul, register_tiles_1d, matmul_register_tiles_1d);

}  // namespace wb
