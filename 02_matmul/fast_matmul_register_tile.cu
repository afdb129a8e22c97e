// Matrix product with a tile of outputs in registers: 12 values from shared memory serve 32 multiply-adds.
//
// A block of 16 x 8 threads owns a (64, 64) tile of C and walks K in steps of 8. Thread (x, y) owns rows 8 y
// .. 8 y + 7 and columns 4 x .. 4 x + 3. For each depth it reads 8 values of A's tile and 4 of B's tile, one
// at a time, and adds their 32 products to its sums.
//
// Values are copied one at a time, too. Neighboring threads read neighbors of a row of A, and store them to a
// column of its tile, which is one bank: 8 wavefronts per store. The reads of B's tile are 4 floats apart: 2
// wavefronts. 2 M N K FLOPs. Read before: fast_matmul_tile.cu. Next: fast_matmul_solution.cu, with accesses
// of 16 bytes and without conflicts.
#include "02_matmul/fast_matmul.h"
#include "02_matmul/fast_matmul_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kTile = 64;                  // rows and columns of C that a block owns
constexpr int kDepth = 8;                  // how much of K a step covers
constexpr int kRows = 8;                   // rows of C that a thread owns
constexpr int kColumns = 4;                // columns of C that a thread owns
constexpr int kAcross = kTile / kColumns;  // threads side by side
constexpr int kDown = kTile / kRows;       // threads below each other
constexpr int kThreads = kAcross * kDown;

// One element; 0 outside of the matrix, which adds nothing to a sum.
__device__ float load(const float* matrix,  // (rows, columns)
                      int rows, int columns, int row, int column) {
  if (row >= rows || column >= columns) return 0.0f;
  return matrix[static_cast<std::int64_t>(row) * columns + column];
}

__global__ void __launch_bounds__(kThreads) register_tile_kernel(const float* a,  // (M, K)
                                                                 const float* b,  // (K, N)
                                                                 float* c,        // (M, N)
                                                                 int m, int n, int k) {
  __shared__ float a_tile[kDepth][kTile];
  __shared__ float b_tile[kDepth][kTile];

  const int tiles_across = (n - 1) / kTile + 1;
  const int first_row = static_cast<int>(blockIdx.x) / tiles_across * kTile;
  const int first_column = static_cast<int>(blockIdx.x) % tiles_across * kTile;
  const int thread = static_cast<int>(threadIdx.y * kAcross + threadIdx.x);
  const int row = static_cast<int>(threadIdx.y) * kRows;        // within the tile
  const int column = static_cast<int>(threadIdx.x) * kColumns;  // within the tile

  float sums[kRows][kColumns] = {};
  for (int start = 0; start < k; start += kDepth) {
    for (int i = thread; i < kTile * kDepth; i += kThreads) {
      a_tile[i % kDepth][i / kDepth] = load(a, m, k, first_row + i / kDepth, start + i % kDepth);
      b_tile[i / kTile][i % kTile] = load(b, k, n, start + i / kTile, first_column + i % kTile);
    }
    __syncthreads();

#pragma unroll
    for (int depth = 0; depth < kDepth; ++depth) {
      float from_a[kRows], from_b[kColumns];
#pragma unroll
      for (int i = 0; i < kRows; ++i) from_a[i] = a_tile[depth][row + i];
#pragma unroll
      for (int j = 0; j < kColumns; ++j) from_b[j] = b_tile[depth][column + j];
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
#pragma unroll
        for (int j = 0; j < kColumns; ++j) sums[i][j] += from_a[i] * from_b[j];
      }
    }
    __syncthreads();
  }

#pragma unroll
  for (int i = 0; i < kRows; ++i) {
#pragma unroll
    for (int j = 0; j < kColumns; ++j) {
      const int c_row = first_row + row + i, c_column = first_column + column + j;
      if (c_row < m && c_column < n) c[static_cast<std::int64_t>(c_row) * n + c_column] = sums[i][j];
    }
  }
}

void fast_matmul_register_tile(const float* a, const float* b, float* c, int m, int n, int k,
                               cudaStream_t stream) {
  const unsigned tiles = check_fast_matmul(a, b, c, m, n, k, kTile);
  register_tile_kernel<<<tiles, dim3(kAcross, kDown), 0, stream>>>(a, b, c, m, n, k);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(FastMatmul, register_tile, fast_matmul_register_tile);

}  // namespace
}  // namespace wb
