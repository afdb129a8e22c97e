// Mistake: the shared array has a slot for each warp, but each thread uses one of its own.
// First screen: index (8|\d+).*of_warp|out of bounds.*of_warp
#include "tools/proofs/mistakes/softmax/softmax.cuh"

namespace wb::mistake {
namespace {

__global__ void slot_per_thread_kernel(const float* x,  // (rows, columns)
                                       float* y,        // (rows, columns)
                                       int columns) {
  __shared__ float of_warp[kWarps];
  const auto block_max = [&](float value) {
    value = warp_max(value);
    of_warp[threadIdx.x] = value;
    __syncthreads();
    for (int i = 0; i < kWarps; ++i) value = fmaxf(value, of_warp[i * kWarp]);
    __syncthreads();
    return value;
  };
  const auto block_sum = [&](float value) {
    of_warp[threadIdx.x] = warp_sum(value);
    __syncthreads();
    float sum = 0.0f;
    for (int i = 0; i < kWarps; ++i) sum += of_warp[i * kWarp];
    __syncthreads();
    return sum;
  };
  softmax_row(x, y, columns, block_max, block_sum);
}

void launch(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  slot_per_thread_kernel<<<rows, kThreads, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, slot_per_thread, launch);

}  // namespace
}  // namespace wb::mistake
