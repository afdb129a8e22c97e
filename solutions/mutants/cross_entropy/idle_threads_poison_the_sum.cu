// Mistake: the running sum of a thread that saw nothing is rescaled by exp(-inf - -inf).
// Caught as: NaN: inf - inf, 0 / 0
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "07_tinyllama/cross_entropy.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void idle_threads_poison_the_sum_kernel(const float* logits,  // (N, V)
                                                   const int* targets,   // (N)
                                                   float* losses,        // (N)
                                                   float* lse,           // (N)
                                                   int v) {
  const float* row = logits + blockIdx.x * static_cast<std::int64_t>(v);
  float maximum = -INFINITY, sum = 0.0f;
  for (int i = threadIdx.x; i < v; i += blockDim.x) {
    const float larger = fmaxf(maximum, row[i]);
    sum = sum * expf(maximum - larger) + expf(row[i] - larger);
    maximum = larger;
  }
  const float row_maximum = warp_reduce(maximum, Maximum{});
  const float of_warp = warp_reduce(sum * expf(maximum - row_maximum), Sum{});
  const float whole = block_max(row_maximum);
  const float total = block_sum(threadIdx.x % kWarp == 0 ? of_warp * expf(row_maximum - whole) : 0.0f);
  if (threadIdx.x == 0) {
    lse[blockIdx.x] = whole + logf(total);
    losses[blockIdx.x] = whole + logf(total) - row[targets[blockIdx.x]];
  }
}

void idle_threads_poison_the_sum(const float* logits, const int* targets, float* losses, float* lse, int n,
                                 int v, cudaStream_t stream) {
  idle_threads_poison_the_sum_kernel<<<n, 256, 0, stream>>>(logits, targets, losses, lse, v);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(CrossEntropyForward, idle_threads_poison_the_sum, idle_threads_poison_the_sum);

}  // namespace
}  // namespace wb
