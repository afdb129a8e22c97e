// Mistake: dloss is ignored: the gradient is that of the sum of losses, not of their mean.
// Caught as: is not multiplied by dloss|missing or extra scale|missing division
#include <cmath>
#include <cstdint>

#include "07_tinyllama/cross_entropy.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void not_divided_by_n_kernel(const float* logits,  // (N, V)
                                        const int* targets,   // (N)
                                        const float* lse,     // (N)
                                        float* dlogits,       // (N, V)
                                        float dloss, int v) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(v);
  for (int i = threadIdx.x; i < v; i += blockDim.x) {
    const float probability = expf(logits[start + i] - lse[blockIdx.x]);
    const float one = i == targets[blockIdx.x] ? 1.0f : 0.0f;
    dlogits[start + i] = probability - one;
  }
}

void not_divided_by_n(const float* logits, const int* targets, const float* lse, float* dlogits, float dloss,
                      int n, int v, cudaStream_t stream) {
  not_divided_by_n_kernel<<<n, 256, 0, stream>>>(logits, targets, lse, dlogits, dloss, v);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(CrossEntropyBackward, not_divided_by_n, not_divided_by_n);

}  // namespace
}  // namespace wb
