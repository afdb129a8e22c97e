// Your turn: C = alpha * op(A) op(B) + beta * C. README.md is the lesson; hints.md has hints.
//
// Do one TODO at a time, and check after each:
//
//     ./workbook check 02 matmul
//
// A block of 16 x 16 threads owns a tile of 16 x 16 outputs; thread (x, y) owns column x and row y of it.
// First make it right: every thread reads its row of A and its column of B from global memory. Then make it
// faster: let the block load both through shared memory, one tile at a time. The launcher is complete.
#include <cstdint>

#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kTile = 16;  // rows and columns of C that a block owns, and how much of K it takes at a time

__global__ void matmul_kernel(MatmulLayout layout,
                              const float* a,  // (M, K), or (K, M) for kTN
                              const float* b,  // (K, N), or (N, K) for kNT
                              float* c,        // (M, N)
                              int m, int n, int k, float alpha, float beta) {
  // The tiles of C are numbered like words on a page: left to right, then down. This block's tile is:
  const int tiles_across = (n + kTile - 1) / kTile;
  [[maybe_unused]] const int tile_row = static_cast<int>(blockIdx.x) / tiles_across;
  [[maybe_unused]] const int tile_column = static_cast<int>(blockIdx.x) % tiles_across;

  // TODO 1: Which row and which column of C does this thread own? threadIdx.x counts columns, threadIdx.y
  //         rows. Sum a[row][p] * b[p][column] over p, and store the sum. Both matrices are row-major:
  //         element [i][j] of a matrix with `width` columns is data[i * width + j]. With M, N, K up to 2^30
  //         that product needs 64 bits: make `row` and `p` a std::int64_t.

  // TODO 2: A tile at the right or lower edge extends past C. Which threads must not load and store?

  // TODO 3: Replace the loop over p by a loop over tiles of K. Declare two tiles of (kTile, kTile) floats in
  //         __shared__ memory. For each step of kTile along K: every thread loads one element of each tile
  //         (0 where the tile extends past the matrix), the block waits, every thread adds kTile products
  //         from the tiles, and the block waits again. Why twice? And why may no thread return early now?

  // TODO 4: layout == MatmulLayout::kNT means that b is stored as (N, K), kTN that a is stored as (K, M).
  //         Only the loads change.

  // TODO 5: Store alpha * sum + beta * c. But with beta = 0, c must not be read: it may hold NaN, and
  //         0 * NaN is NaN.
}

void matmul_starter(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                    float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const std::int64_t tiles_across = (n + kTile - 1) / kTile;
  const std::int64_t tiles_down = (m + kTile - 1) / kTile;
  WB_REQUIRE(tiles_across * tiles_down <= INT32_MAX, tiles_across * tiles_down);
  const auto grid = static_cast<unsigned>(tiles_across * tiles_down);
  matmul_kernel<<<grid, dim3(kTile, kTile), 0, stream>>>(layout, a, b, c, m, n, k, alpha, beta);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Matmul, starter, matmul_starter);

}  // namespace
}  // namespace wb
