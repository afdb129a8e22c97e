// Mistake: elements outside of the matrix are 0 times elements inside, which is NaN for an infinity.
// Caught as: row 2 of a has an infinity
// Caught by: KeepsInfinityAndNan
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
constexpr int kPerRow = kDepth / 4;  // float4s in a row of A's tile
constexpr int kStride = kTile + 4;   // padded; a multiple of 16 bytes

// Four neighbors, and 0 times others outside of the matrix: NaN if they are infinite.
__device__ float4 load4(const float* matrix,  // (rows, columns)
                        int rows, int columns, int row, int column) {
  const float keep = row < rows && column < columns ? 1.0f : 0.0f;
  row = min(row, rows - 1);
  column = min(column, columns - 4);
  const float4 four =
      *reinterpret_cast<const float4*>(&matrix[static_cast<std::int64_t>(row) * columns + column]);
  return make_float4(keep * four.x, keep * four.y, keep * four.z, keep * four.w);
}

__global__ void __launch_bounds__(kThreads) zero_times_neighbors_kernel(const float* a,  // (M, K)
                                                                        const float* b,  // (K, N)
                                                                        float* c,        // (M, N)
                                                                        int m, int n, int k) {
  alignas(16) __shared__ float a_tile[kDepth][kStride];
  alignas(16) __shared__ float b_tile[kDepth][kTile];

  const int tiles_across = (n - 1) / kTile + 1;
  const int first_row = static_cast<int>(blockIdx.x) / tiles_across * kTile;
  const int first_column = static_cast<int>(blockIdx.x) % tiles_across * kTile;
  const int thread = static_cast<int>(threadIdx.y * kAcross + threadIdx.x);
  const int row = static_cast<int>(threadIdx.y) * kRows;        // within the tile
  const int column = static_cast<int>(threadIdx.x) * kColumns;  // within the tile

  float sums[kRows][kColumns] = {};
  for (int start = 0; start < k; start += kDepth) {
    // Copy a float4 of each matrix. That of A goes to four rows of its tile, since its elements differ in
    // depth.
    const int a_row = thread / kPerRow, a_depth = thread % kPerRow * 4;
    const float4 four = load4(a, m, k, first_row + a_row, start + a_depth);
    a_tile[a_depth + 0][a_row] = four.x;
    a_tile[a_depth + 1][a_row] = four.y;
    a_tile[a_depth + 2][a_row] = four.z;
    a_tile[a_depth + 3][a_row] = four.w;
    const int b_depth = thread / kAcross, b_column = thread % kAcross * 4;
    *reinterpret_cast<float4*>(&b_tile[b_depth][b_column]) =
        load4(b, k, n, start + b_depth, first_column + b_column);
    __syncthreads();

    // Add an outer product of 8 values of A and 4 of B for each depth.
#pragma unroll
    for (int depth = 0; depth < kDepth; ++depth) {
      const float4 a0 = *reinterpret_cast<const float4*>(&a_tile[depth][row]);
      const float4 a1 = *reinterpret_cast<const float4*>(&a_tile[depth][row + 4]);
      const float4 b0 = *reinterpret_cast<const float4*>(&b_tile[depth][column]);
      const float from_a[kRows] = {a0.x, a0.y, a0.z, a0.w, a1.x, a1.y, a1.z, a1.w};
      const float from_b[kColumns] = {b0.x, b0.y, b0.z, b0.w};
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
#pragma unroll
        for (int j = 0; j < kColumns; ++j) sums[i][j] += from_a[i] * from_b[j];
      }
    }
    // The next step overwrites the tiles: wait until everyone has read them.
    __syncthreads();
  }

#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int c_row = first_row + row + i, c_column = first_column + column;
    if (c_row < m && c_column < n) {
      float* target = &c[static_cast<std::int64_t>(c_row) * n + c_column];
      *reinterpret_cast<float4*>(target) = make_float4(sums[i][0], sums[i][1], sums[i][2], sums[i][3]);
    }
  }
}

void zero_times_neighbors(const float* a, const float* b, float* c, int m, int n, int k,
                          cudaStream_t stream) {
  const unsigned tiles = check_fast_matmul(a, b, c, m, n, k, kTile);
  zero_times_neighbors_kernel<<<tiles, dim3(kAcross, kDown), 0, stream>>>(a, b, c, m, n, k);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(FastMatmul, zero_times_neighbors, zero_times_neighbors);

}  // namespace
}  // namespace wb
