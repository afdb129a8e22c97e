// Rung 1: threads that run together read neighbors, and square blocks share what they read.
//
// Idea: A block of 32 x 32 threads owns a (32, 32) tile of C, one output per thread. A warp is one row of
// the tile: in each step of K its lanes read one element of A together and 32 neighbors of B, which is one
// request of 4 sectors. The 32 warps of a block read the same 32 columns of B, so the L1 cache serves all
// but the first of them.
//
// Limited before: matmul_naive.cu's blocks are one row of 256 outputs, so no two warps share B, and the L2
// cache serves its loads. Here the L1 cache serves 95% of them (lts__t_sectors_op_read.sum beside
// l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum).
// Limits now: two loads per multiply-add, and their latency: 21 warps per issued instruction wait for the
// L1 cache (long scoreboard). Even without latency the pipe of loads, one wavefront per cycle, would allow
// an eighth of the peak. kNT stays slow, since neighbors in a row of C read different rows of B; the next
// rung mends that.
// Uses: 31 registers, no shared memory (sm_90a).
// Costs in clarity: none, it is the formula.
#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_fp32/operands.cuh"

namespace wb {
namespace {

constexpr int kTile = 32;                // rows and columns of C that a block owns
constexpr int kThreads = kTile * kTile;  // one per output

template <MatmulLayout kLayout>
__global__ void __launch_bounds__(kThreads) coalesced(const float* a,  // (M, K), or (K, M) for kTN
                                                      const float* b,  // (K, N), or (N, K) for kNT
                                                      float* c,        // (M, N)
                                                      int m, int n, int k, float alpha, float beta) {
  const ladder::TilePlace tile = ladder::place_of<kTile, kTile>(static_cast<int>(blockIdx.x), n);
  const int row = tile.row + static_cast<int>(threadIdx.x) / kTile;
  const int column = tile.column + static_cast<int>(threadIdx.x) % kTile;
  float sum = 0.0f;
  for (int depth = 0; depth < k; ++depth) {
    sum += ladder::element<ladder::kDepthInRowsOfA<kLayout>>(a, m, k, row, depth) *
           ladder::element<ladder::kDepthInRowsOfB<kLayout>>(b, n, k, column, depth);
  }
  ladder::store_output(c, m, n, row, column, sum, alpha, beta);
}

void matmul_coalesced(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                      float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const unsigned grid = ladder::count_tiles(m, n, kTile, kTile);
  ladder::with_layout(layout, [&](auto of) {
    coalesced<of.value><<<grid, kThreads, 0, stream>>>(a, b, c, m, n, k, alpha, beta);
  });
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Matmul, coalesced, matmul_coalesced);

}  // namespace wb
