// Mistake: a tree in shared memory whose last steps trust that the lanes of a warp are in step.
// First screen: race in shared memory.*warp_in_step\.cu
#include "tools/proofs/mistakes/softmax/softmax.cuh"

namespace wb::mistake {
namespace {

__global__ void warp_in_step_kernel(const float* x,  // (rows, columns)
                                    float* y,        // (rows, columns)
                                    int columns) {
  __shared__ float sums[kThreads];
  const auto block_max = [&](float value) {
    value = warp_max(value);
    __shared__ float of_warp[kWarps];
    if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = value;
    __syncthreads();
    for (int i = 0; i < kWarps; ++i) value = fmaxf(value, of_warp[i]);
    return value;
  };
  const auto block_sum = [&](float value) {
    sums[threadIdx.x] = value;
    __syncthreads();
    for (int half = kThreads / 2; half >= kWarp; half /= 2) {
      if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
      __syncthreads();
    }
    volatile float* in_step = sums;
    if (threadIdx.x < 16) {
      in_step[threadIdx.x] += in_step[threadIdx.x + 16];
      in_step[threadIdx.x] += in_step[threadIdx.x + 8];
      in_step[threadIdx.x] += in_step[threadIdx.x + 4];
      in_step[threadIdx.x] += in_step[threadIdx.x + 2];
      in_step[threadIdx.x] += in_step[threadIdx.x + 1];
    }
    __syncthreads();
    return sums[0];
  };
  softmax_row(x, y, columns, block_max, block_sum);
}

void launch(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  warp_in_step_kernel<<<rows, kThreads, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, warp_in_step, launch);

}  // namespace
}  // namespace wb::mistake
