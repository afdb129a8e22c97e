// Mistake: threads without a column return before the barrier, and their slots stay empty.
// First screen: never written
#include "tools/proofs/mistakes/softmax/softmax.cuh"

namespace wb::mistake {
namespace {

__global__ void early_return_kernel(const float* x,  // (rows, columns)
                                    float* y,        // (rows, columns)
                                    int columns) {
  if (threadIdx.x >= columns) return;
  const float* in = x + blockIdx.x * static_cast<std::int64_t>(columns);
  float* out = y + blockIdx.x * static_cast<std::int64_t>(columns);
  __shared__ float maxima[kThreads], sums[kThreads];
  float maximum = -INFINITY;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) maximum = fmaxf(maximum, in[c]);
  maxima[threadIdx.x] = maximum;
  __syncthreads();
  for (int i = 0; i < kThreads; ++i) maximum = fmaxf(maximum, maxima[i]);
  const float shift = shift_for(maximum);
  float mine = 0.0f;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) mine += expf(in[c] - shift);
  sums[threadIdx.x] = mine;
  __syncthreads();
  float sum = 0.0f;
  for (int i = 0; i < kThreads; ++i) sum += sums[i];
  for (int c = threadIdx.x; c < columns; c += blockDim.x) out[c] = expf(in[c] - shift) * inverse_of(sum);
}

void launch(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  early_return_kernel<<<rows, kThreads, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, early_return, launch);

}  // namespace
}  // namespace wb::mistake
