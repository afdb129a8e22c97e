// Mistake: the last block adds up what the others have stored, and nobody has called __threadfence().
// First screen: race in device memory.*last_block_without_fence\.cu
#include <algorithm>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 128;
__device__ unsigned done = 0;  // blocks of this launch

__global__ void last_block_without_fence_kernel(const float* dy,      // (N, C)
                                                const float* x,       // (N, C)
                                                const float* weight,  // (C)
                                                const float* rstd,    // (N)
                                                float* dx,            // (N, C)
                                                float* dweight,       // (C)
                                                float* scratch,       // (blocks, C)
                                                int n, int c) {
  float* mine = scratch + blockIdx.x * static_cast<std::int64_t>(c);
  for (int i = threadIdx.x; i < c; i += kThreads) mine[i] = 0.0f;
  for (int row = blockIdx.x; row < n; row += gridDim.x) {
    const std::int64_t start = row * static_cast<std::int64_t>(c);
    const float r = rstd[row];
    float dot = 0.0f;
    for (int i = threadIdx.x; i < c; i += kThreads) dot += dy[start + i] * weight[i] * x[start + i];
    const float mean = block_sum(dot) / c;
    for (int i = threadIdx.x; i < c; i += kThreads) {
      dx[start + i] = r * (dy[start + i] * weight[i] - x[start + i] * r * r * mean);
      mine[i] += dy[start + i] * x[start + i] * r;
    }
  }
  __shared__ bool is_last;
  __syncthreads();
  if (threadIdx.x == 0) is_last = atomicAdd(&done, 1u) + 1 == gridDim.x;
  __syncthreads();
  if (!is_last) return;
  for (int i = threadIdx.x; i < c; i += kThreads) {
    float sum = 0.0f;
    for (unsigned block = 0; block < gridDim.x; ++block)
      sum += scratch[block * static_cast<std::int64_t>(c) + i];
    dweight[i] += sum;
  }
  if (threadIdx.x == 0) done = 0;
}

void launch(const float* dy, const float* x, const float* weight, const float* rstd, float* dx,
            float* dweight, float* scratch, int n, int c, cudaStream_t stream) {
  check_rmsnorm_backward(dy, x, weight, rstd, dx, dweight, scratch, n, c);
  const int blocks = n < kRmsnormPartials ? n : kRmsnormPartials;
  last_block_without_fence_kernel<<<blocks, kThreads, 0, stream>>>(dy, x, weight, rstd, dx, dweight, scratch,
                                                                   n, c);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RmsnormBackward, last_block_without_fence, launch);

}  // namespace
}  // namespace wb::mistake
