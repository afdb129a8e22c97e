// Mistake: sums 32 shared slots, of which only as many as the block has warps were written.
// First screen: never written.*shared|read of shared memory.*never written
#include "tools/proofs/mistakes/softmax/softmax.cuh"

namespace wb::mistake {
namespace {

__global__ void all_slots_summed_kernel(const float* x,  // (rows, columns)
                                        float* y,        // (rows, columns)
                                        int columns) {
  __shared__ float of_warp[32];
  const auto block_max = [&](float value) {
    value = warp_max(value);
    if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = value;
    __syncthreads();
    for (int i = 0; i < kWarps; ++i) value = fmaxf(value, of_warp[i]);
    __syncthreads();
    return value;
  };
  const auto block_sum = [&](float value) {
    value = warp_sum(value);
    if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = value;
    __syncthreads();
    return warp_sum(of_warp[threadIdx.x % kWarp]);
  };
  softmax_row(x, y, columns, block_max, block_sum);
}

void launch(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  all_slots_summed_kernel<<<rows, kThreads, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, all_slots_summed, launch);

}  // namespace
}  // namespace wb::mistake
