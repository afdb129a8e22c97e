// Mistake: every index is unsigned, and wraps around.
// First screen: CountsPastTwoToThe31
#include "tools/proofs/mistakes/matmul/matmul.cuh"

namespace wb::mistake {
namespace {

__global__ void unsigned_indices_kernel(Product product) {
  multiply_with_index<unsigned>(product);
}

void launch(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k, float alpha,
            float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const Product product = {layout, a, b, c, m, n, k, alpha, beta};
  unsigned_indices_kernel<<<grid_of(product), dim3(kTile, kTile), 0, stream>>>(product);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Matmul, unsigned_indices, launch);

}  // namespace
}  // namespace wb::mistake
