// Mistake: subtracts the one of the target where another thread may not have stored yet.
// First screen: race in device memory.*target_corrected_too_early\.cu
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "07_tinyllama/cross_entropy_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 256;

__global__ void target_corrected_too_early_kernel(const float* logits,  // (N, V)
                                                  const int* targets,   // (N)
                                                  const float* lse,     // (N)
                                                  float* dlogits,       // (N, V)
                                                  float dloss, int v) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(v);
  for (int i = threadIdx.x; i < v; i += kThreads) {
    dlogits[start + i] = dloss * expf(logits[start + i] - lse[blockIdx.x]);
  }
  if (threadIdx.x == kThreads - 1) dlogits[start + targets[blockIdx.x]] -= dloss;
}

void launch(const float* logits, const int* targets, const float* lse, float* dlogits, float dloss, int n,
            int v, cudaStream_t stream) {
  require_cross_entropy_backward(logits, targets, lse, dlogits, n, v);
  target_corrected_too_early_kernel<<<n, kThreads, 0, stream>>>(logits, targets, lse, dlogits, dloss, v);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(CrossEntropyBackward, target_corrected_too_early, launch);

}  // namespace
}  // namespace wb::mistake
