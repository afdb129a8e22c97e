// Matrix product on tensor cores without shared memory: one fragment of C per warp.
//
// A block of 4 warps owns a (32, 32) tile of C. A warp owns (16, 16) of it, and loads a fragment of A and one
// of B from global memory for each 16 of K. Each fragment is used for one product.
//
// 2 M N K FLOPs; (M N K / 8) * 2 + M N * 4 bytes of global memory traffic, most of it served by caches.
// Read next: matmul_wmma_solution.cu.
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

__global__ void __launch_bounds__(kThreads) fragment_kernel(const bf16* a,  // (M, K)
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
                           static_cast<unsigned>(n));
    wmma::mma_sync(sums, from_a, from_b, sums);
  }
  wmma::store_matrix_sync(&c[static_cast<std::int64_t>(row) * n + column], sums, static_cast<unsigned>(n),
                          wmma::mem_row_major);
}

void matmul_wmma_fragment(const bf16* a, const bf16* b, float* c, int m, int n, int k, cudaStream_t stream) {
  const unsigned tiles = check_matmul_wmma(a, b, c, m, n, k, kTile);
  fragment_kernel<<<tiles, kThreads, 0, stream>>>(a, b, c, m, n, k);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(MatmulWmma, fragment, matmul_wmma_fragment);

}  // namespace
}  // namespace wb
