// Mistake: dloss multiplies the probability, but not the 1 at the target.
// Caught as: but not the 1 at the target
#include <cmath>
#include <cstdint>

#include "07_tinyllama/cross_entropy.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void one_hot_not_scaled_kernel(const float* logits,  // (N, V)
                                          const int* targets,   // (N)
                                          const float* lse,     // (N)
                                          float* dlogits,       // (N, V)
                                          float dloss, int v) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(v);
  for (int i = threadIdx.x; i < v; i += blockDim.x) {
    const float probability = expf(logits[start + i] - lse[blockIdx.x]);
    const float one = i == targets[blockIdx.x] ? 1.0f : 0.0f;
    dlogits[start + i] = dloss * probability - one;
  }
}

void one_hot_not_scaled(const float* logits, const int* targets, const float* lse, float* dlogits,
                        float dloss, int n, int v, cudaStream_t stream) {
  one_hot_not_scaled_kernel<<<n, 256, 0, stream>>>(logits, targets, lse, dlogits, dloss, v);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(CrossEntropyBackward, one_hot_not_scaled, one_hot_not_scaled);

}  // namespace
}  // namespace wb
