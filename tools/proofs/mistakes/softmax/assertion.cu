// Mistake: asserts that a row fits one warp.
// First screen: Assertion .columns <= 32. failed
#include <cassert>

#include "tools/proofs/mistakes/softmax/softmax.cuh"

namespace wb::mistake {
namespace {

__global__ void assertion_kernel(const float* x,  // (rows, columns)
                                 float* y,        // (rows, columns)
                                 int columns) {
  assert(columns <= 32);
  softmax_row(x, y, columns, warp_max, warp_sum);
}

void launch(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  assertion_kernel<<<rows, kWarp, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, assertion, launch);

}  // namespace
}  // namespace wb::mistake
