// Mistake: the threads store their sums after the barrier at which the reader waits for them.
// First screen: race in shared memory.*sum_behind_the_barrier\.cu
#include <cmath>
#include <cstdint>

#include "03_softmax/online_softmax.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 64;

__global__ void sum_behind_the_barrier_kernel(const float* x, float* lse, int columns) {
  __shared__ float maxima[kThreads], sums[kThreads];
  const float* row = x + blockIdx.x * static_cast<std::int64_t>(columns);
  float maximum = -INFINITY, sum = 0.0f;
  for (int i = static_cast<int>(threadIdx.x); i < columns; i += kThreads) {
    const float next = fmaxf(maximum, row[i]);
    if (next == -INFINITY) continue;
    sum = sum * expf(maximum - next) + expf(row[i] - next);
    maximum = next;
  }
  maxima[threadIdx.x] = maximum;
  __syncthreads();
  sums[threadIdx.x] = sum;
  if (threadIdx.x != kThreads - 1) return;
  float all = -INFINITY, total = 0.0f;
  for (const float one : maxima) all = fmaxf(all, one);
  const float shift = all == -INFINITY ? 0.0f : all;
  for (int i = 0; i < kThreads; ++i) total += sums[i] * expf(maxima[i] - shift);
  lse[blockIdx.x] = all + logf(total);
}

void launch(const float* x, float* lse, int rows, int columns, cudaStream_t stream) {
  check_online_softmax(x, lse, rows, columns);
  sum_behind_the_barrier_kernel<<<rows, kThreads, 0, stream>>>(x, lse, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(OnlineSoftmax, sum_behind_the_barrier, launch);

}  // namespace
}  // namespace wb::mistake
