// Matrix product, one thread per output: the formula, with which faster kernels are compared.
//
// Thread i owns c[i], i = row * N + column, and takes the dot product of a row of op(A) and a column of
// op(B). Neighboring threads share the row and read neighboring columns, so for kNN and kTN a warp's load of
// b takes 4 sectors. In kNT each thread reads its own row of b: 32 sectors, of which the caches serve a part.
// 2 M N K FLOPs, and 8 bytes loaded for every two of them: the loads limit the speed, not the
// multiplications. Next: matmul_solution.cu loads every value once per tile instead of once per output.
#include <cstdint>

#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

template <MatmulLayout kLayout>
__global__ void matmul_naive_kernel(const float* a,  // (M, K), or (K, M) for kTN
                                    const float* b,  // (K, N), or (N, K) for kNT
                                    float* c,        // (M, N)
                                    int m, int n, int k, float alpha, float beta) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= static_cast<std::int64_t>(m) * n) return;
  const std::int64_t row = i / n;
  const std::int64_t column = i % n;

  float sum = 0.0f;
  for (std::int64_t p = 0; p < k; ++p) {
    const float from_a = kLayout == MatmulLayout::kTN ? a[p * m + row] : a[row * k + p];
    const float from_b = kLayout == MatmulLayout::kNT ? b[column * k + p] : b[p * n + column];
    sum += from_a * from_b;
  }
  // c may hold NaN when beta is 0: do not even read it.
  c[i] = beta == 0.0f ? alpha * sum : alpha * sum + beta * c[i];
}

void matmul_naive(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                  float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const std::int64_t blocks = (static_cast<std::int64_t>(m) * n - 1) / kThreads + 1;
  WB_REQUIRE(blocks <= INT32_MAX, blocks);
  const auto grid = static_cast<unsigned>(blocks);
  switch (layout) {
    case MatmulLayout::kNN:
      matmul_naive_kernel<MatmulLayout::kNN><<<grid, kThreads, 0, stream>>>(a, b, c, m, n, k, alpha, beta);
      break;
    case MatmulLayout::kNT:
      matmul_naive_kernel<MatmulLayout::kNT><<<grid, kThreads, 0, stream>>>(a, b, c, m, n, k, alpha, beta);
      break;
    case MatmulLayout::kTN:
      matmul_naive_kernel<MatmulLayout::kTN><<<grid, kThreads, 0, stream>>>(a, b, c, m, n, k, alpha, beta);
      break;
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Matmul, naive, matmul_naive);

}  // namespace wb
