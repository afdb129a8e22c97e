// Mistake: the offset of a row of C is an int: past 2^31 elements it wraps around.
// Caught as: too far for a 32-bit index
// Caught by: CountsPastTwoToThe31
//
// Needs: sm_80
#include <mma.h>

#include "02_matmul/matmul_wmma.h"
#include "02_matmul/matmul_wmma_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace nvcuda;

constexpr int kFragment = 16;                  // rows and columns of a fragment, and its part of K
constexpr int kOwned = 2;                      // fragments of C that a warp owns: kOwned x kOwned
constexpr int kTile = 2 * kOwned * kFragment;  // rows and columns of C that a block owns
constexpr int kDepth = 64;                     // how much of K a step covers
constexpr int kPad = 8;                        // elements at the end of a row of shared memory: 16 bytes
constexpr int kThreads = 128;

using FragmentA = wmma::fragment<wmma::matrix_a, 16, 16, 16, bf16, wmma::row_major>;
using FragmentB = wmma::fragment<wmma::matrix_b, 16, 16, 16, bf16, wmma::row_major>;
using Sums = wmma::fragment<wmma::accumulator, 16, 16, 16, float>;

// Eight neighbors, 16 bytes; zeros outside of the matrix, which add nothing to a sum.
__device__ uint4 load8(const bf16* matrix,  // (rows, columns)
                       int rows, int columns, int row, int column) {
  if (row >= rows || column >= columns) return make_uint4(0, 0, 0, 0);
  return *reinterpret_cast<const uint4*>(&matrix[static_cast<std::int64_t>(row) * columns + column]);
}

__global__ void __launch_bounds__(kThreads) result_index_of_32_bits_kernel(const bf16* a,  // (M, K)
                                                                           const bf16* b,  // (K, N)
                                                                           float* c,       // (M, N)
                                                                           int m, int n, int k) {
  alignas(32) __shared__ bf16 a_tile[kTile][kDepth + kPad];
  alignas(32) __shared__ bf16 b_tile[kDepth][kTile + kPad];

  const int tiles_across = (n - 1) / kTile + 1;
  const int first_row = static_cast<int>(blockIdx.x) / tiles_across * kTile;
  const int first_column = static_cast<int>(blockIdx.x) % tiles_across * kTile;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  // Where in the tile the outputs of this warp begin.
  const int row = warp / 2 * kOwned * kFragment;
  const int column = warp % 2 * kOwned * kFragment;

  Sums sums[kOwned][kOwned];
  for (auto& line : sums) {
    for (auto& sum : line) wmma::fill_fragment(sum, 0.0f);
  }

  for (int start = 0; start < k; start += kDepth) {
    // Copy eight elements at a time. Neighboring threads copy neighbors of a row.
    for (int i = 8 * static_cast<int>(threadIdx.x); i < kTile * kDepth; i += 8 * kThreads) {
      const int a_row = i / kDepth, a_depth = i % kDepth;
      *reinterpret_cast<uint4*>(&a_tile[a_row][a_depth]) = load8(a, m, k, first_row + a_row, start + a_depth);
      const int b_depth = i / kTile, b_column = i % kTile;
      *reinterpret_cast<uint4*>(&b_tile[b_depth][b_column]) =
          load8(b, k, n, start + b_depth, first_column + b_column);
    }
    __syncthreads();

    for (int depth = 0; depth < kDepth; depth += kFragment) {
      FragmentA from_a[kOwned];
      FragmentB from_b[kOwned];
      for (int i = 0; i < kOwned; ++i) {
        wmma::load_matrix_sync(from_a[i], &a_tile[row + i * kFragment][depth], kDepth + kPad);
        wmma::load_matrix_sync(from_b[i], &b_tile[depth][column + i * kFragment], kTile + kPad);
      }
      for (int i = 0; i < kOwned; ++i) {
        for (int j = 0; j < kOwned; ++j) wmma::mma_sync(sums[i][j], from_a[i], from_b[j], sums[i][j]);
      }
    }
    // The next step overwrites the tiles: wait until everyone has read them.
    __syncthreads();
  }

  // M and N are multiples of 16, so a fragment is inside of C or outside.
  for (int i = 0; i < kOwned; ++i) {
    for (int j = 0; j < kOwned; ++j) {
      const int c_row = first_row + row + i * kFragment, c_column = first_column + column + j * kFragment;
      if (c_row < m && c_column < n) {
        float* target = &c[c_row * n + c_column];
        wmma::store_matrix_sync(target, sums[i][j], static_cast<unsigned>(n), wmma::mem_row_major);
      }
    }
  }
}

void result_index_of_32_bits(const bf16* a, const bf16* b, float* c, int m, int n, int k,
                             cudaStream_t stream) {
  const unsigned tiles = check_matmul_wmma(a, b, c, m, n, k, kTile);
  result_index_of_32_bits_kernel<<<tiles, kThreads, 0, stream>>>(a, b, c, m, n, k);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(MatmulWmma, result_index_of_32_bits, result_index_of_32_bits);

}  // namespace
}  // namespace wb
