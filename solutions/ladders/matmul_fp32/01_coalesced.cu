// Rung 1, coalesced: square blocks, so that threads that run together read neighbors.
#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_fp32/operands.cuh"

namespace wb {
namespace {

constexpr int kTile = 32;  // rows and columns of C that a block owns, one thread per output

template <MatmulLayout kLayout>
__global__ void __launch_bounds__(kTile* kTile) coalesced(const float* a,  // (M, K), or (K, M) for kTN
                                                          const float* b,  // (K, N), or (N, K) for kNT
                                                          float* c,        // (M, N)
                                                          int m, int n, int k, float alpha, float beta) {
  const int tiles_across = (n + kTile - 1) / kTile;
  const int row = static_cast<int>(blockIdx.x) / tiles_across * kTile + static_cast<int>(threadIdx.y);
  const int column = static_cast<int>(blockIdx.x) % tiles_across * kTile + static_cast<int>(threadIdx.x);
  if (row >= m || column >= n) return;
  float sum = 0.0f;
  for (int depth = 0; depth < k; ++depth) {
    sum += ladder::element_of_a<kLayout>(a, m, k, row, depth) *
           ladder::element_of_b<kLayout>(b, n, k, depth, column);
  }
  ladder::store_output(c, m, n, row, column, sum, alpha, beta);
}

void matmul_coalesced(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                      float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const unsigned grid = ladder::count_tiles(m, n, kTile, kTile);
  ladder::with_layout(layout, [&](auto of) {
    coalesced<of.value><<<grid, dim3(kTile, kTile), 0, stream>>>(a, b, c, m, n, k, alpha, beta);
  });
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Matmul, coalesced, matmul_coalesced);

}  // namespace wb
