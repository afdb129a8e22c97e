// Mistake: where a row starts is computed in an unsigned int: 131,072 rows of 32,768 logits are too many.
// Caught as: an index is computed in 32 bits
// Caught by: CountsPastTwoToThe31
// Caught on: cpu
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "07_tinyllama/cross_entropy.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void start_of_32_bits_kernel(const float* logits,  // (N, V)
                                        const int* targets,   // (N)
                                        float* losses,        // (N)
                                        float* lse,           // (N)
                                        int v) {
  const float* row = logits + blockIdx.x * v;
  float maximum = -INFINITY;
  for (int i = threadIdx.x; i < v; i += blockDim.x) maximum = fmaxf(maximum, row[i]);
  maximum = block_max(maximum);
  float sum = 0.0f;
  for (int i = threadIdx.x; i < v; i += blockDim.x) sum += expf(row[i] - maximum);
  sum = block_sum(sum);
  if (threadIdx.x == 0) {
    lse[blockIdx.x] = maximum + logf(sum);
    losses[blockIdx.x] = maximum + logf(sum) - row[targets[blockIdx.x]];
  }
}

void start_of_32_bits(const float* logits, const int* targets, float* losses, float* lse, int n, int v,
                      cudaStream_t stream) {
  start_of_32_bits_kernel<<<n, 256, 0, stream>>>(logits, targets, losses, lse, v);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(CrossEntropyForward, start_of_32_bits, start_of_32_bits);

}  // namespace
}  // namespace wb
