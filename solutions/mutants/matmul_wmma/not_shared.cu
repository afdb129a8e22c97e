// Mistake: fragments are loaded from global memory, each by each warp that needs it.
// Caught as: sectors that are loaded:
// Caught on: cpu
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
constexpr int kThreads = 128;

using FragmentA = wmma::fragment<wmma::matrix_a, 16, 16, 16, bf16, wmma::row_major>;
using FragmentB = wmma::fragment<wmma::matrix_b, 16, 16, 16, bf16, wmma::row_major>;
using Sums = wmma::fragment<wmma::accumulator, 16, 16, 16, float>;

__global__ void __launch_bounds__(kThreads) not_shared_kernel(const bf16* a,  // (M, K)
                                                              const bf16* b,  // (K, N)
                                                              float* c,       // (M, N)
                                                              int m, int n, int k) {
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
    for (int depth = 0; depth < kDepth && start + depth < k; depth += kFragment) {
      FragmentA from_a[kOwned];
      FragmentB from_b[kOwned];
      for (int i = 0; i < kOwned; ++i) {
        const int a_row = first_row + row + i * kFragment, b_column = first_column + column + i * kFragment;
        wmma::fill_fragment(from_a[i], bf16(0.0f));
        wmma::fill_fragment(from_b[i], bf16(0.0f));
        if (a_row < m)
          wmma::load_matrix_sync(from_a[i], &a[static_cast<std::int64_t>(a_row) * k + start + depth],
                                 static_cast<unsigned>(k));
        if (b_column < n)
          wmma::load_matrix_sync(from_b[i], &b[static_cast<std::int64_t>(start + depth) * n + b_column],
                                 static_cast<unsigned>(n));
      }
      for (int i = 0; i < kOwned; ++i) {
        for (int j = 0; j < kOwned; ++j) wmma::mma_sync(sums[i][j], from_a[i], from_b[j], sums[i][j]);
      }
    }
  }

  // M and N are multiples of 16, so a fragment is inside of C or outside.
  for (int i = 0; i < kOwned; ++i) {
    for (int j = 0; j < kOwned; ++j) {
      const int c_row = first_row + row + i * kFragment, c_column = first_column + column + j * kFragment;
      if (c_row < m && c_column < n) {
        float* target = &c[static_cast<std::int64_t>(c_row) * n + c_column];
        wmma::store_matrix_sync(target, sums[i][j], static_cast<unsigned>(n), wmma::mem_row_major);
      }
    }
  }
}

void not_shared(const bf16* a, const bf16* b, float* c, int m, int n, int k, cudaStream_t stream) {
  const unsigned tiles = check_matmul_wmma(a, b, c, m, n, k, kTile);
  not_shared_kernel<<<tiles, kThreads, 0, stream>>>(a, b, c, m, n, k);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(MatmulWmma, not_shared, not_shared);

}  // namespace
}  // namespace wb
