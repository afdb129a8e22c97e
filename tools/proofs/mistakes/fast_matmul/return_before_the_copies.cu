// Mistake: threads without outputs return before they have copied their part of the tiles.
// First screen: never written in kernel return_before_the_copies
#include "tools/proofs/mistakes/fast_matmul/fast_matmul.cuh"

namespace wb::mistake {
namespace {

__global__ void return_before_the_copies_kernel(Product product) {
  alignas(16) __shared__ float a_tile[kDepth][kTile + 4], b_tile[kDepth][kTile];
  Outputs out(product);
  if (out.first_row + out.row >= product.m || out.first_column + out.column >= product.n) return;
  for (int start = 0; start < product.k; start += kDepth) {
    const float4 four = out.load_a(product, start);
    const int depth_of_four = out.thread % 2 * 4;
    a_tile[depth_of_four][out.thread / 2] = four.x;
    a_tile[depth_of_four + 1][out.thread / 2] = four.y;
    a_tile[depth_of_four + 2][out.thread / 2] = four.z;
    a_tile[depth_of_four + 3][out.thread / 2] = four.w;
    *reinterpret_cast<float4*>(&b_tile[out.thread / kAcross][out.thread % kAcross * 4]) =
        out.load_b(product, start);
    __syncthreads();
    for (int depth = 0; depth < kDepth; ++depth) {
      const float4 a0 = *reinterpret_cast<const float4*>(&a_tile[depth][out.row]);
      const float4 a1 = *reinterpret_cast<const float4*>(&a_tile[depth][out.row + 4]);
      const float from_a[kRows] = {a0.x, a0.y, a0.z, a0.w, a1.x, a1.y, a1.z, a1.w};
      out.add(from_a, &b_tile[depth][out.column]);
    }
    __syncthreads();
  }
  out.store(product);
}

void launch(const float* a, const float* b, float* c, int m, int n, int k, cudaStream_t stream) {
  const unsigned tiles = check_fast_matmul(a, b, c, m, n, k, kTile);
  return_before_the_copies_kernel<<<tiles, dim3(kAcross, kDown), 0, stream>>>({a, b, c, m, n, k});
  WB_CHECK_LAUNCH();
}

WB_REGISTER(FastMatmul, return_before_the_copies, launch);

}  // namespace
}  // namespace wb::mistake
