// Mistake: one shared array for the maximum and the sum; nothing separates the reads from the next writes.
// First screen: race in shared memory.*one_array\.cu:\d+: (read|write)
#include "tools/proofs/mistakes/softmax/softmax.cuh"

namespace wb::mistake {
namespace {

__device__ float of_block(float mine, float* of_warp, bool is_sum) {
  mine = is_sum ? warp_sum(mine) : warp_max(mine);
  if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = mine;
  __syncthreads();
  float all = of_warp[0];
  for (int i = 1; i < kWarps; ++i) all = is_sum ? all + of_warp[i] : fmaxf(all, of_warp[i]);
  return all;
}

__global__ void one_array_kernel(const float* x,  // (rows, columns)
                                 float* y,        // (rows, columns)
                                 int columns) {
  __shared__ float of_warp[kWarps];
  softmax_row(
      x, y, columns, [&](float value) { return of_block(value, of_warp, false); },
      [&](float value) { return of_block(value, of_warp, true); });
}

void launch(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  one_array_kernel<<<rows, kThreads, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, one_array, launch);

}  // namespace
}  // namespace wb::mistake
