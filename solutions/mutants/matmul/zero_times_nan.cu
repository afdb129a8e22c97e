// Mistake: c is read although beta is 0: 0 * NaN is NaN.
// Caught as: read before it was written|an output read before it was written|NaN: inf - inf
// Caught by: DoesNotReadCWhenBetaIsZero
// Inspected in: MatmulTest.MultipliesOneTile
// Inspected as: never_written, line: beta * *target;
#include "solutions/mutants/matmul/operands.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void zero_times_nan_kernel(MatmulLayout layout, const float* a,  // (M, K), or (K, M) for kTN
                                      const float* b,                       // (K, N), or (N, K) for kNT
                                      float* c,                             // (M, N)
                                      int m, int n, int k, float alpha, float beta) {
  __shared__ float a_tile[kTile][kTile];
  __shared__ float b_tile[kTile][kTile];
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int row = tile_row(n) + y, column = tile_column(n) + x;
  float sum = 0.0f;
  for (int start = 0; start < k; start += kTile) {
    a_tile[y][x] = from_a(layout, a, row, start + x, m, k);
    b_tile[y][x] = from_b(layout, b, start + y, column, k, n);
    __syncthreads();
    for (int p = 0; p < kTile; ++p) sum += a_tile[y][p] * b_tile[p][x];
    __syncthreads();
  }
  if (row >= m || column >= n) return;
  float* target = c + static_cast<std::int64_t>(row) * n + column;
  *target = alpha * sum + beta * *target;
}

void zero_times_nan(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                    float alpha, float beta, cudaStream_t stream) {
  zero_times_nan_kernel<<<tiles(m, n), dim3(kTile, kTile), 0, stream>>>(layout, a, b, c, m, n, k, alpha,
                                                                        beta);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Matmul, zero_times_nan, zero_times_nan);

}  // namespace
}  // namespace wb
