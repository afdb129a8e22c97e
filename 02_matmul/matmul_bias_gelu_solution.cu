// A linear layer with bias and GELU: the epilogue of a tiled product.
//
// A block of 16 x 16 threads owns a (64, 64) tile of y, and each thread a (4, 4) tile of that: rows ty, ty +
// 16, ... and columns tx, tx + 16, ..., so that a warp reads shared memory without bank conflicts. After the
// last step along K, z is in registers. Bias and GELU are applied there, and y is written once: the product
// itself is never written to memory. The product is the plain one of this chapter, without tensor cores.
//
// Read next: solutions/ladders/bias_gelu_bf16, the same epilogue on a product with tensor cores.
#include <cstdint>

#include "02_matmul/gelu.cuh"
#include "02_matmul/matmul_bias_gelu_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kTile = 64;            // rows and columns of y that a block owns
constexpr int kDepth = 16;           // of K in a step
constexpr int kSide = 16;            // threads per side of a block
constexpr int kOwn = kTile / kSide;  // rows and columns of y that a thread owns
constexpr int kThreads = kSide * kSide;

// (kTile, kDepth) of a (rows, k) matrix to shared memory, K outermost; 0 outside the matrix.
__device__ void load_tile(float (*tile)[kTile + 1],  // (kDepth, kTile + 1)
                          const bf16* matrix, int rows, int k, int first_row, int depth) {
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kDepth; i += kThreads) {
    const int row = first_row + i / kDepth, column = depth + i % kDepth;
    const bool inside = row < rows && column < k;
    tile[i % kDepth][i / kDepth] =
        inside ? to_float(matrix[static_cast<std::int64_t>(row) * k + column]) : 0.0f;
  }
}

__global__ void __launch_bounds__(kThreads) matmul_bias_gelu_kernel(const bf16* x,     // (M, K)
                                                                    const bf16* w,     // (N, K)
                                                                    const bf16* bias,  // (N)
                                                                    bf16* y,           // (M, N)
                                                                    int m, int n, int k) {
  __shared__ float x_tile[kDepth][kTile + 1];
  __shared__ float w_tile[kDepth][kTile + 1];
  const int tiles_across = (n + kTile - 1) / kTile;
  const int tile_row = static_cast<int>(blockIdx.x) / tiles_across * kTile;
  const int tile_column = static_cast<int>(blockIdx.x) % tiles_across * kTile;
  const int tx = static_cast<int>(threadIdx.x) % kSide, ty = static_cast<int>(threadIdx.x) / kSide;

  float sums[kOwn][kOwn] = {};
  for (int depth = 0; depth < k; depth += kDepth) {
    load_tile(x_tile, x, m, k, tile_row, depth);
    load_tile(w_tile, w, n, k, tile_column, depth);
    __syncthreads();
#pragma unroll
    for (int p = 0; p < kDepth; ++p) {
      float of_w[kOwn];
#pragma unroll
      for (int j = 0; j < kOwn; ++j) of_w[j] = w_tile[p][tx + j * kSide];
#pragma unroll
      for (int i = 0; i < kOwn; ++i) {
        const float of_x = x_tile[p][ty + i * kSide];
#pragma unroll
        for (int j = 0; j < kOwn; ++j) sums[i][j] += of_x * of_w[j];
      }
    }
    __syncthreads();  // the next step overwrites the tiles
  }

  // The epilogue.
#pragma unroll
  for (int j = 0; j < kOwn; ++j) {
    const int column = tile_column + tx + j * kSide;
    if (column >= n) continue;
    const float b = to_float(bias[column]);
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      const int row = tile_row + ty + i * kSide;
      if (row < m) {
        y[static_cast<std::int64_t>(row) * n + column] = from_float<bf16>(fast_gelu(sums[i][j] + b));
      }
    }
  }
}

void matmul_bias_gelu_solution(const bf16* x, const bf16* w, const bf16* bias, bf16* y, int m, int n, int k,
                               cudaStream_t stream) {
  require_matmul_bias_gelu(x, w, bias, y, m, n, k);
  const std::int64_t tiles =
      ((std::int64_t{m} + kTile - 1) / kTile) * ((std::int64_t{n} + kTile - 1) / kTile);
  WB_REQUIRE(tiles <= INT32_MAX, tiles);
  matmul_bias_gelu_kernel<<<static_cast<unsigned>(tiles), kThreads, 0, stream>>>(x, w, bias, y, m, n, k);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(MatmulBiasGeluBf16, solution, matmul_bias_gelu_solution);

}  // namespace wb
