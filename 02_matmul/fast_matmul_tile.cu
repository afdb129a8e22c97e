// Matrix product with one output per thread, through tiles in shared memory: two values for one multiply-add.
//
// A block of 16 x 16 threads owns a (16, 16) tile of C and walks K in steps of 16, as step 3 of the exercise
// matmul does. A warp is two rows of 16 threads: it reads two places of A's tile and one row of B's tile for
// each depth, in two requests, and makes 32 multiply-adds of them. 2 M N K FLOPs; (M N K / 8 + M N) * 4 bytes
// of global memory traffic. Next: fast_matmul_register_tile.cu, with 32 outputs per thread.
#include "02_matmul/fast_matmul.h"
#include "02_matmul/fast_matmul_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kTile = 16;  // rows and columns of C that a block owns, and how much of K a step covers

// One element; 0 outside of the matrix, which adds nothing to a sum.
__device__ float load(const float* matrix,  // (rows, columns)
                      int rows, int columns, int row, int column) {
  if (row >= rows || column >= columns) return 0.0f;
  return matrix[static_cast<std::int64_t>(row) * columns + column];
}

__global__ void tile_kernel(const float* a,  // (M, K)
                            const float* b,  // (K, N)
                            float* c,        // (M, N)
                            int m, int n, int k) {
  __shared__ float a_tile[kTile][kTile];
  __shared__ float b_tile[kTile][kTile];

  const int tiles_across = (n - 1) / kTile + 1;
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int row = static_cast<int>(blockIdx.x) / tiles_across * kTile + y;
  const int column = static_cast<int>(blockIdx.x) % tiles_across * kTile + x;

  float sum = 0.0f;
  for (int start = 0; start < k; start += kTile) {
    a_tile[y][x] = load(a, m, k, row, start + x);
    b_tile[y][x] = load(b, k, n, start + y, column);
    __syncthreads();
#pragma unroll
    for (int depth = 0; depth < kTile; ++depth) sum += a_tile[y][depth] * b_tile[depth][x];
    __syncthreads();
  }
  if (row < m && column < n) c[static_cast<std::int64_t>(row) * n + column] = sum;
}

void fast_matmul_tile(const float* a, const float* b, float* c, int m, int n, int k, cudaStream_t stream) {
  const unsigned tiles = check_fast_matmul(a, b, c, m, n, k, kTile);
  tile_kernel<<<tiles, dim3(kTile, kTile), 0, stream>>>(a, b, c, m, n, k);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(FastMatmul, tile, fast_matmul_tile);

}  // namespace
}  // namespace wb
