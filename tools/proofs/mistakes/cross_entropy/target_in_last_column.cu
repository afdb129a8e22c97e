// Mistake: looks for the target in all columns but the last, and then takes what it has not found.
// First screen: never written.*picked.*target_in_last_column\.cu
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "07_tinyllama/cross_entropy_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 256;

__global__ void target_in_last_column_kernel(const float* logits, const int* targets, float* losses,
                                             float* lse, int v) {
  __shared__ float picked;
  const float* row = logits + blockIdx.x * static_cast<std::int64_t>(v);
  float maximum = -INFINITY, sum = 0.0f;
  for (int i = static_cast<int>(threadIdx.x); i < v; i += kThreads) maximum = fmaxf(maximum, row[i]);
  maximum = block_max(maximum);
  for (int i = static_cast<int>(threadIdx.x); i < v; i += kThreads) sum += expf(row[i] - maximum);
  for (int i = static_cast<int>(threadIdx.x); i < v - 1; i += kThreads) {
    if (i == targets[blockIdx.x]) picked = row[i];
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) {
    lse[blockIdx.x] = maximum + logf(sum);
    losses[blockIdx.x] = lse[blockIdx.x] - picked;
  }
}

void launch(const float* logits, const int* targets, float* losses, float* lse, int n, int v,
            cudaStream_t stream) {
  require_cross_entropy_forward(logits, targets, losses, lse, n, v);
  target_in_last_column_kernel<<<n, kThreads, 0, stream>>>(logits, targets, losses, lse, v);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(CrossEntropyForward, target_in_last_column, launch);

}  // namespace
}  // namespace wb::mistake
