// Mistake: the thread with the number of the target stores the loss, and there may be none.
// First screen: never written
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "07_tinyllama/cross_entropy_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 256;

__global__ void owner_past_the_block_kernel(const float* logits,  // (N, V)
                                            const int* targets,   // (N)
                                            float* losses,        // (N)
                                            float* lse,           // (N)
                                            int v) {
  const float* row = logits + blockIdx.x * static_cast<std::int64_t>(v);
  float maximum = -INFINITY;
  for (int i = threadIdx.x; i < v; i += kThreads) maximum = fmaxf(maximum, row[i]);
  const float largest = block_max(maximum), shift = largest == -INFINITY ? 0.0f : largest;
  float sum = 0.0f;
  for (int i = threadIdx.x; i < v; i += kThreads) sum += expf(row[i] - shift);
  const float row_lse = shift + logf(block_sum(sum));
  if (threadIdx.x == 0) lse[blockIdx.x] = row_lse;
  if (static_cast<int>(threadIdx.x) == targets[blockIdx.x]) losses[blockIdx.x] = row_lse - row[threadIdx.x];
}

void launch(const float* logits, const int* targets, float* losses, float* lse, int n, int v,
            cudaStream_t stream) {
  require_cross_entropy_forward(logits, targets, losses, lse, n, v);
  owner_past_the_block_kernel<<<n, kThreads, 0, stream>>>(logits, targets, losses, lse, v);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(CrossEntropyForward, owner_past_the_block, launch);

}  // namespace
}  // namespace wb::mistake
