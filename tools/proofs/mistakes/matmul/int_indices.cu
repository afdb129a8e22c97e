// Mistake: every index is an int.
// First screen: CountsPastTwoToThe31|overflow
#include <cstdint>

#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kTile = 16;

__global__ void int_indices_kernel(MatmulLayout layout,
                                   const float* a,  // (M, K), or (K, M) for kTN
                                   const float* b,  // (K, N), or (N, K) for kNT
                                   float* c,        // (M, N)
                                   int m, int n, int k, float alpha, float beta) {
  const int row = static_cast<int>(blockIdx.x) * kTile + static_cast<int>(threadIdx.y);
  const int column = static_cast<int>(blockIdx.y) * kTile + static_cast<int>(threadIdx.x);
  if (row >= m || column >= n) return;
  float sum = 0.0f;
  for (int p = 0; p < k; ++p) {
    const int at_a = layout == MatmulLayout::kTN ? p * m + row : row * k + p;
    const int at_b = layout == MatmulLayout::kNT ? column * k + p : p * n + column;
    sum += a[at_a] * b[at_b];
  }
  const int at_c = row * n + column;
  c[at_c] = beta == 0.0f ? alpha * sum : alpha * sum + beta * c[at_c];
}

void launch(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k, float alpha,
            float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const dim3 grid((m - 1) / kTile + 1, (n - 1) / kTile + 1);
  int_indices_kernel<<<grid, dim3(kTile, kTile), 0, stream>>>(layout, a, b, c, m, n, k, alpha, beta);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Matmul, int_indices, launch);

}  // namespace
}  // namespace wb::mistake
