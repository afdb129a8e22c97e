// Mistake: past the end of K the tiles keep what the step before left there.
// First screen: never written|CountsEveryProductOnce|tail
#include "tools/proofs/mistakes/matmul/matmul.cuh"

namespace wb::mistake {
namespace {

__global__ void stale_tile_kernel(Product product) {
  __shared__ float a_tile[kTile][kTile], b_tile[kTile][kTile];
  const Output out(product);
  const int x = out.x, y = out.y;
  float sum = 0.0f;
  for (int first = 0; first < product.k; first += kTile) {
    if (out.has_a(first + x)) a_tile[y][x] = out.a(first + x);
    if (out.has_b(first + y)) b_tile[y][x] = out.b(first + y);
    __syncthreads();
    for (int p = 0; p < kTile; ++p) sum += a_tile[y][p] * b_tile[p][x];
    __syncthreads();
  }
  if (out.exists()) out.store(sum);
}

void launch(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k, float alpha,
            float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const Product product = {layout, a, b, c, m, n, k, alpha, beta};
  stale_tile_kernel<<<grid_of(product), dim3(kTile, kTile), 0, stream>>>(product);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Matmul, stale_tile, launch);

}  // namespace
}  // namespace wb::mistake
