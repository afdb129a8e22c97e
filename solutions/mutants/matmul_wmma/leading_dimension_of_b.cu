// Mistake: the leading dimension of B is K, the length of A's rows.
// Caught as: loaded with ldm = K
//
// Needs: sm_80
#include <mma.h>

#include "02_matmul/matmul_wmma.h"
#include "02_matmul/matmul_wmma_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace nvcuda;

constexpr int kFragment = 16;         // rows and columns of a fragment, and its part of K
constexpr int kTile = 2 * kFragment;  // rows and columns of C that a block owns
constexpr int kThreads = 128;

__global__ void __launch_bounds__(kThreads) leading_dimension_of_b_kernel(const bf16* a,  // (M, K)
                                                                          const bf16* b,  // (K, N)
                                                                          float* c,       // (M, N)
                                                                          int m, int n, int k) {
  const int tiles_across = (n - 1) / kTile + 1;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int row = static_cast<int>(blockIdx.x) / tiles_across * kTile + warp / 2 * kFragment;
  const int column = static_cast<int>(blockIdx.x) % tiles_across * kTile + warp % 2 * kFragment;
  if (row >= m || column >= n) return;  // the whole warp: M and N are multiples of 16

  wmma::fragment<wmma::matrix_a, 16, 16, 16, bf16, wmma::row_major> from_a;
  wmma::fragment<wmma::matrix_b, 16, 16, 16, bf16, wmma::row_major> from_b;
  wmma::fragment<wmma::accumulator, 16, 16, 16, float> sums;
  wmma::fill_fragment(sums, 0.0f);
  const bf16* line = &a[static_cast<std::int64_t>(row) * k];
  for (int depth = 0; depth < k; depth += kFragment) {
    wmma::load_matrix_sync(from_a, line + depth, static_cast<unsigned>(k));
    wmma::load_matrix_sync(from_b, &b[static_cast<std::int64_t>(depth) * n + column],
                           static_cast<unsigned>(k));
    wmma::mma_sync(sums, from_a, from_b, sums);
  }
  wmma::store_matrix_sync(&c[static_cast<std::int64_t>(row) * n + column], sums, static_cast<unsigned>(n),
                          wmma::mem_row_major);
}

void matmul_wmma_leading_dimension_of_b(const bf16* a, const bf16* b, float* c, int m, int n, int k,
                                        cudaStream_t stream) {
  const unsigned tiles = check_matmul_wmma(a, b, c, m, n, k, kTile);
  leading_dimension_of_b_kernel<<<tiles, kThreads, 0, stream>>>(a, b, c, m, n, k);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(MatmulWmma, leading_dimension_of_b, matmul_wmma_leading_dimension_of_b);

}  // namespace
}  // namespace wb
