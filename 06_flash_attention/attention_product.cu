// A matrix product for every sequence and head, operands in any layout: what an eager framework calls bmm.
//
// A block of 64 threads computes a (32, 32) tile of c in steps of 32 along k; a thread computes 4 rows
// (group, group + 8, ...) by 4 neighboring columns. The threads of a load follow the direction that is
// contiguous in memory, so that transposed operands are read as fast as others. Causal products are computed
// in full, and the part above the diagonal is discarded; only flash attention skips it.
//
// FLOPs: 2 B H M N K. Bytes: a once per 32 columns of c, b once per 32 rows.
#include "06_flash_attention/attention_product.h"

#include <cmath>

#include "06_flash_attention/attention_check.h"
#include "common/core/check.h"

namespace wb {
namespace {

constexpr int kTile = 32;
constexpr int kLanes = 8;  // threads along a row of the tile
constexpr int kPerThread = 4;
constexpr int kThreads = kLanes * kLanes;
constexpr int kStride = kTile + 4;  // keeps rows apart in the banks, and float4 aligned

template <class T>
__device__ BatchedMatrix<T> matrix_of(BatchedMatrix<T> matrices, int b, int h) {
  matrices.data += b * matrices.stride_b + h / matrices.heads_per_matrix * matrices.stride_h;
  return matrices;
}

// Copies the (32, 32) tile at (first_row, first_column); what lies outside (rows, columns) becomes 0.
__device__ void load_tile(float* tile,  // (kTile, kStride)
                          const BatchedMatrix<const float>& source, int first_row, int first_column, int rows,
                          int columns) {
  for (int i = threadIdx.x; i < kTile * kTile; i += kThreads) {
    const bool along_rows = source.stride_row == 1;
    const int row = along_rows ? i % kTile : i / kTile;
    const int column = along_rows ? i / kTile : i % kTile;
    const bool inside = first_row + row < rows && first_column + column < columns;
    tile[row * kStride + column] = inside ? source.data[(first_row + row) * source.stride_row +
                                                        (first_column + column) * source.stride_column]
                                          : 0.0f;
  }
}

__global__ void __launch_bounds__(kThreads) attention_product_kernel(BatchedMatrix<const float> a,  // (M, K)
                                                                     BatchedMatrix<const float> b,  // (K, N)
                                                                     BatchedMatrix<float> c,        // (M, N)
                                                                     AttentionProduct product) {
  __shared__ float4 a_shared[kTile * kStride / 4];
  __shared__ float4 b_shared[kTile * kStride / 4];
  float* a_tile = reinterpret_cast<float*>(a_shared);  // (kTile, kStride): (m, k)
  float* b_tile = reinterpret_cast<float*>(b_shared);  // (kTile, kStride): (k, n)

  const int tiles_m = (product.m + kTile - 1) / kTile;
  const int tiles_n = (product.n + kTile - 1) / kTile;
  const int first_n = static_cast<int>(blockIdx.x % tiles_n) * kTile;
  const int first_m = static_cast<int>(blockIdx.x / tiles_n % tiles_m) * kTile;
  const int matrices = product.h / c.heads_per_matrix;
  const int matrix = static_cast<int>(blockIdx.x / tiles_n / tiles_m % matrices);
  const int sequence = static_cast<int>(blockIdx.x / tiles_n / tiles_m / matrices);
  const int group = threadIdx.x / kLanes;
  const int lane = threadIdx.x % kLanes;

  float4 sums[kPerThread] = {};
  for (int h = matrix * c.heads_per_matrix; h < (matrix + 1) * c.heads_per_matrix; ++h) {
    for (int first_k = 0; first_k < product.k; first_k += kTile) {
      load_tile(a_tile, matrix_of(a, sequence, h), first_m, first_k, product.m, product.k);
      load_tile(b_tile, matrix_of(b, sequence, h), first_k, first_n, product.k, product.n);
      __syncthreads();
#pragma unroll 8
      for (int k = 0; k < kTile; ++k) {
        const float4 x = *reinterpret_cast<const float4*>(b_tile + k * kStride + lane * kPerThread);
#pragma unroll
        for (int i = 0; i < kPerThread; ++i) {
          const float w = a_tile[(group + i * kLanes) * kStride + k];
          sums[i].x += w * x.x;
          sums[i].y += w * x.y;
          sums[i].z += w * x.z;
          sums[i].w += w * x.w;
        }
      }
      __syncthreads();
    }
  }

  const BatchedMatrix<float> target = matrix_of(c, sequence, matrix * c.heads_per_matrix);
#pragma unroll
  for (int i = 0; i < kPerThread; ++i) {
    const int row = first_m + group + i * kLanes;
    const float values[kPerThread] = {sums[i].x, sums[i].y, sums[i].z, sums[i].w};
#pragma unroll
    for (int j = 0; j < kPerThread; ++j) {
      const int column = first_n + lane * kPerThread + j;
      if (row < product.m && column < product.n) {
        const bool masked = product.causal && column > row;
        target.data[row * target.stride_row + column * target.stride_column] =
            masked ? -INFINITY : product.alpha * values[j];
      }
    }
  }
}

}  // namespace

void attention_product(BatchedMatrix<const float> a, BatchedMatrix<const float> b, BatchedMatrix<float> c,
                       const AttentionProduct& product, cudaStream_t stream) {
  const std::int64_t tiles_m = (product.m + kTile - 1) / kTile;
  const std::int64_t tiles_n = (product.n + kTile - 1) / kTile;
  const unsigned int blocks =
      attention_grid(tiles_m * tiles_n * product.b * (product.h / c.heads_per_matrix));
  attention_product_kernel<<<blocks, kThreads, 0, stream>>>(a, b, c, product);
  WB_CHECK_LAUNCH();
}

}  // namespace wb
