// Mistake: the gradient of the log probability, not of the loss.
// Caught as: the sign is wrong
#include <cmath>
#include <cstdint>

#include "07_tinyllama/cross_entropy.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void wrong_sign_kernel(const float* logits,  // (N, V)
                                  const int* targets,   // (N)
                                  const float* lse,     // (N)
                                  float* dlogits,       // (N, V)
                                  float dloss, int v) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(v);
  for (int i = threadIdx.x; i < v; i += blockDim.x) {
    const float probability = expf(logits[start + i] - lse[blockIdx.x]);
    const float one = i == targets[blockIdx.x] ? 1.0f : 0.0f;
    dlogits[start + i] = dloss * (one - probability);
  }
}

void wrong_sign(const float* logits, const int* targets, const float* lse, float* dlogits, float dloss, int n,
                int v, cudaStream_t stream) {
  wrong_sign_kernel<<<n, 256, 0, stream>>>(logits, targets, lse, dlogits, dloss, v);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(CrossEntropyBackward, wrong_sign, wrong_sign);

}  // namespace
}  // namespace wb
