// Mistake: the barrier stands inside the guard on the row.
// First screen: divergent barrier|__syncthreads.*different lines
#include "tools/proofs/mistakes/matmul/matmul.cuh"

namespace wb::mistake {
namespace {

__global__ void barrier_inside_guard_kernel(Product product) {
  __shared__ float a_tile[kTile][kTile], b_tile[kTile][kTile];
  const Output out(product);
  const int x = out.x, y = out.y;
  float sum = 0.0f;
  for (int first = 0; first < product.k; first += kTile) {
    a_tile[y][x] = out.has_a(first + x) ? out.a(first + x) : 0.0f;
    b_tile[y][x] = out.has_b(first + y) ? out.b(first + y) : 0.0f;
    __syncthreads();
    if (out.exists()) {
      for (int p = 0; p < kTile; ++p) sum += a_tile[y][p] * b_tile[p][x];
      __syncthreads();
    } else {
      __syncthreads();
    }
  }
  if (out.exists()) out.store(sum);
}

void launch(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k, float alpha,
            float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const Product product = {layout, a, b, c, m, n, k, alpha, beta};
  barrier_inside_guard_kernel<<<grid_of(product), dim3(kTile, kTile), 0, stream>>>(product);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Matmul, barrier_inside_guard, launch);

}  // namespace
}  // namespace wb::mistake
