// Mistake: the butterfly starts at distance 8: each half of a warp reduces by itself.
// First screen: wrong \(allowed
#include "tools/proofs/mistakes/softmax/softmax.cuh"

namespace wb::mistake {
namespace {

__device__ float half_sum(float value) {
  for (int distance = 8; distance > 0; distance /= 2) value += __shfl_xor_sync(kAllLanes, value, distance);
  return value;
}

__global__ void half_the_distance_kernel(const float* x,  // (rows, columns)
                                         float* y,        // (rows, columns)
                                         int columns) {
  softmax_row(x, y, columns, warp_max, half_sum);
}

void launch(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  half_the_distance_kernel<<<rows, kWarp, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, half_the_distance, launch);

}  // namespace
}  // namespace wb::mistake
