// Mistake: past the end of K the tiles keep what the step before left there.
// First screen: never written|CountsEveryProductOnce|tail
#include <cstdint>

#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kTile = 16;

__global__ void stale_tile_kernel(MatmulLayout layout,
                                  const float* a,  // (M, K), or (K, M) for kTN
                                  const float* b,  // (K, N), or (N, K) for kNT
                                  float* c,        // (M, N)
                                  int m, int n, int k, float alpha, float beta) {
  const int row = static_cast<int>(blockIdx.x) * kTile + static_cast<int>(threadIdx.y);
  const int column = static_cast<int>(blockIdx.y) * kTile + static_cast<int>(threadIdx.x);
  __shared__ float a_tile[kTile][kTile], b_tile[kTile][kTile];
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const std::int64_t long_k = k, long_m = m, long_n = n;
  float sum = 0.0f;
  for (int first = 0; first < k; first += kTile) {
    if (row < m && first + x < k)
      a_tile[y][x] = a[layout == MatmulLayout::kTN ? (first + x) * long_m + row : row * long_k + first + x];
    if (column < n && first + y < k)
      b_tile[y][x] =
          b[layout == MatmulLayout::kNT ? column * long_k + first + y : (first + y) * long_n + column];
    __syncthreads();
    for (int p = 0; p < kTile; ++p) sum += a_tile[y][p] * b_tile[p][x];
    __syncthreads();
  }
  if (row >= m || column >= n) return;
  const std::int64_t at = row * long_n + column;
  c[at] = beta == 0.0f ? alpha * sum : alpha * sum + beta * c[at];
}

void launch(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k, float alpha,
            float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const dim3 grid((m - 1) / kTile + 1, (n - 1) / kTile + 1);
  stale_tile_kernel<<<grid, dim3(kTile, kTile), 0, stream>>>(layout, a, b, c, m, n, k, alpha, beta);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Matmul, stale_tile, launch);

}  // namespace
}  // namespace wb::mistake
