// Mistake: all lanes take part in a shuffle whose mask names half of them.
// First screen: leaves the calling lane
#include "tools/proofs/mistakes/softmax/softmax.cuh"

namespace wb::mistake {
namespace {

__device__ float masked_sum(float value) {
  for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(0x0000ffffu, value, distance);
  return value;
}

__global__ void mask_of_half_kernel(const float* x,  // (rows, columns)
                                    float* y,        // (rows, columns)
                                    int columns) {
  softmax_row(x, y, columns, warp_max, masked_sum);
}

void launch(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  mask_of_half_kernel<<<rows, kWarp, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, mask_of_half, launch);

}  // namespace
}  // namespace wb::mistake
