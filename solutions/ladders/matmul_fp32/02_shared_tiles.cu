// Rung 2: a block loads every value once and keeps it in shared memory.
//
// Idea: A block of 1024 threads owns a (32, 32) tile of C and walks K in steps of 32. In each step it
// copies a tile of op(A) and one of op(B) into shared memory, both with depth outermost; whatever the
// layout, neighboring threads read neighbors. Then each thread adds 32 products to its output.
//
// Limited before: the latency of two loads per multiply-add (long scoreboard falls from 21 warps per
// issued instruction to 5), and in kNT 32 sectors per request.
// Limits now: still two loads per multiply-add, now of shared memory: 64 LDS for 32 FFMA in the loop, 4.6
// billion wavefronts as before (l1tex__data_pipe_lsu_wavefronts.sum). 17 warps per issued instruction wait
// for a place in that pipe (MIO throttle), and its ceiling of an eighth of the peak stays.
// Uses: 30 registers, 8.25 KiB of shared memory per block (sm_90a).
// Costs in clarity: two barriers per step.
#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_fp32/operands.cuh"

namespace wb {
namespace {

constexpr int kTile = 32;                // rows and columns of C that a block owns
constexpr int kDepth = 32;               // how much of K a step covers
constexpr int kThreads = kTile * kTile;  // one per output
constexpr int kStride = kTile + 1;       // padded: a copy that transposes then writes to 32 different banks

template <MatmulLayout kLayout>
__global__ void __launch_bounds__(kThreads) shared_tiles(const float* a,  // (M, K), or (K, M) for kTN
                                                         const float* b,  // (K, N), or (N, K) for kNT
                                                         float* c,        // (M, N)
                                                         int m, int n, int k, float alpha, float beta) {
  __shared__ float a_tile[kDepth][kStride];
  __shared__ float b_tile[kDepth][kStride];
  const ladder::TilePlace tile = ladder::place_of<kTile, kTile>(static_cast<int>(blockIdx.x), n);
  const int row = static_cast<int>(threadIdx.x) / kTile;     // within the tile
  const int column = static_cast<int>(threadIdx.x) % kTile;  // within the tile
  float sum = 0.0f;
  for (int start = 0; start < k; start += kDepth) {
    ladder::load_tile<kTile, kDepth, kThreads, ladder::kDepthInRowsOfA<kLayout>>(a_tile, a, m, k, tile.row,
                                                                                 start);
    ladder::load_tile<kTile, kDepth, kThreads, ladder::kDepthInRowsOfB<kLayout>>(b_tile, b, n, k, tile.column,
                                                                                 start);
    __syncthreads();
#pragma unroll
    for (int depth = 0; depth < kDepth; ++depth) sum += a_tile[depth][row] * b_tile[depth][column];
    // The next step overwrites the tiles: wait until everyone has read them.
    __syncthreads();
  }
  ladder::store_output(c, m, n, tile.row + row, tile.column + column, sum, alpha, beta);
}

void matmul_shared_tiles(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                         float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const unsigned grid = ladder::count_tiles(m, n, kTile, kTile);
  ladder::with_layout(layout, [&](auto of) {
    shared_tiles<of.value><<<grid, kThreads, 0, stream>>>(a, b, c, m, n, k, alpha, beta);
  });
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Matmul, shared_tiles, matmul_shared_tiles);

}  // namespace wb
