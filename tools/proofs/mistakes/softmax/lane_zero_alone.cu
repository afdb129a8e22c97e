// Mistake: reduces a warp with shuffles down, and lets all lanes use a sum that only lane 0 has.
// First screen: only lane 0 of a warp has it
#include "tools/proofs/mistakes/softmax/softmax.cuh"

namespace wb::mistake {
namespace {

__global__ void lane_zero_alone_kernel(const float* x, float* y, int columns) {
  const auto all_max = [](float value) { return warp_max(value); };
  const auto down = [](float value) {
    for (int distance = 16; distance > 0; distance /= 2)
      value += __shfl_down_sync(kAllLanes, value, distance);
    return value;
  };
  softmax_row(x, y, columns, all_max, down);
}

void launch(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  lane_zero_alone_kernel<<<rows, kWarp, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, lane_zero_alone, launch);

}  // namespace
}  // namespace wb::mistake
