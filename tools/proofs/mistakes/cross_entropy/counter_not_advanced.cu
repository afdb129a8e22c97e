// Mistake: the loop computes the next index and keeps the old one.
// First screen: is at counter_not_advanced\.cu:2[0-9]
// Does not end
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "07_tinyllama/cross_entropy_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 256;

__global__ void counter_not_advanced_kernel(const float* logits,  // (N, V)
                                            const int* targets,   // (N)
                                            const float* lse,     // (N)
                                            float* dlogits,       // (N, V)
                                            float dloss, int v) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(v);
  for (int i = threadIdx.x; i < v; i + kThreads) {
    const float one = i == targets[blockIdx.x] ? 1.0f : 0.0f;
    dlogits[start + i] = dloss * (expf(logits[start + i] - lse[blockIdx.x]) - one);
  }
}

void launch(const float* logits, const int* targets, const float* lse, float* dlogits, float dloss, int n,
            int v, cudaStream_t stream) {
  require_cross_entropy_backward(logits, targets, lse, dlogits, n, v);
  counter_not_advanced_kernel<<<n, kThreads, 0, stream>>>(logits, targets, lse, dlogits, dloss, v);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(CrossEntropyBackward, counter_not_advanced, launch);

}  // namespace
}  // namespace wb::mistake
