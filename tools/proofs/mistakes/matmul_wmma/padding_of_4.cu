// Mistake: rows have 4 elements of padding, so not all of them begin at multiples of 16 bytes.
// First screen: misaligned access in kernel padding_of_4
#include "tools/proofs/mistakes/matmul_wmma/matmul_wmma.cuh"

namespace wb::mistake {
namespace {

__global__ void padding_of_4_kernel(Product product) {
  alignas(32) __shared__ bf16 a_tile[kTile][kDepth + 4];
  alignas(32) __shared__ bf16 b_tile[kDepth][kTile + 4];
  Outputs out(product);
  for (int start = 0; start < product.k; start += kDepth) {
    out.copy(product, start, &a_tile[0][0], kDepth + 4, &b_tile[0][0], kTile + 4);
    __syncthreads();
    for (int depth = 0; depth < kDepth; depth += kFragment) {
      FragmentA from_a;
      FragmentB from_b;
      wmma::load_matrix_sync(from_a, &a_tile[out.row][depth], kDepth + 4);
      wmma::load_matrix_sync(from_b, &b_tile[depth][out.column], kTile + 4);
      wmma::mma_sync(out.sums, from_a, from_b, out.sums);
    }
    __syncthreads();
  }
  out.store(product);
}

void launch(const bf16* a, const bf16* b, float* c, int m, int n, int k, cudaStream_t stream) {
  const unsigned tiles = check_matmul_wmma(a, b, c, m, n, k, kTile);
  padding_of_4_kernel<<<tiles, kThreads, 0, stream>>>({a, b, c, m, n, k});
  WB_CHECK_LAUNCH();
}

WB_REGISTER(MatmulWmma, padding_of_4, launch);

}  // namespace
}  // namespace wb::mistake
