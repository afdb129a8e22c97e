// Mistake: one lane of a warp does the work, as if a fragment were an array of that lane.
// First screen: deadlock.*4 threads wait in load_matrix_sync at one_lane\.cu
#include "tools/proofs/mistakes/matmul_wmma/matmul_wmma.cuh"

namespace wb::mistake {
namespace {

__global__ void one_lane_kernel(Product product) {
  alignas(32) __shared__ bf16 a_tile[kTile][kDepth + 8];
  alignas(32) __shared__ bf16 b_tile[kDepth][kTile + 8];
  Outputs out(product);
  for (int start = 0; start < product.k; start += kDepth) {
    out.copy(product, start, &a_tile[0][0], kDepth + 8, &b_tile[0][0], kTile + 8);
    __syncthreads();
    for (int depth = 0; depth < kDepth; depth += kFragment) {
      if (threadIdx.x % 32 != 0) continue;
      FragmentA from_a;
      FragmentB from_b;
      wmma::load_matrix_sync(from_a, &a_tile[out.row][depth], kDepth + 8);
      wmma::load_matrix_sync(from_b, &b_tile[depth][out.column], kTile + 8);
      wmma::mma_sync(out.sums, from_a, from_b, out.sums);
    }
    __syncthreads();
  }
  out.store(product);
}

void launch(const bf16* a, const bf16* b, float* c, int m, int n, int k, cudaStream_t stream) {
  const unsigned tiles = check_matmul_wmma(a, b, c, m, n, k, kTile);
  one_lane_kernel<<<tiles, kThreads, 0, stream>>>({a, b, c, m, n, k});
  WB_CHECK_LAUNCH();
}

WB_REGISTER(MatmulWmma, one_lane, launch);

}  // namespace
}  // namespace wb::mistake
