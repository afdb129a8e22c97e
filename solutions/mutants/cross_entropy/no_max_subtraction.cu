// Mistake: the maximum is not subtracted before exp.
// Caught as: infinite: an overflow
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "07_tinyllama/cross_entropy.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void no_max_subtraction_kernel(const float* logits,  // (N, V)
                                          const int* targets,   // (N)
                                          float* losses,        // (N)
                                          float* lse,           // (N)
                                          int v) {
  const float* row = logits + blockIdx.x * static_cast<std::int64_t>(v);
  float sum = 0.0f;
  for (int i = threadIdx.x; i < v; i += blockDim.x) sum += expf(row[i]);
  sum = block_sum(sum);
  if (threadIdx.x == 0) {
    lse[blockIdx.x] = logf(sum);
    losses[blockIdx.x] = logf(sum) - row[targets[blockIdx.x]];
  }
}

void no_max_subtraction(const float* logits, const int* targets, float* losses, float* lse, int n, int v,
                        cudaStream_t stream) {
  no_max_subtraction_kernel<<<n, 256, 0, stream>>>(logits, targets, losses, lse, v);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(CrossEntropyForward, no_max_subtraction, no_max_subtraction);

}  // namespace
}  // namespace wb
