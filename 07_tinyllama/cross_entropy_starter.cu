// Your turn: cross entropy and its gradient. README.md is the lesson; hints.md has hints.
//
// Fill in the TODOs in their order, and check after each:
//
//     ./workbook check 07 cross_entropy
//
// Given to you: block_max and block_sum of chapter 03. Each takes one number from every thread of the block
// and returns their maximum, or their sum, to all threads. All threads must call it.
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "07_tinyllama/cross_entropy.h"
#include "07_tinyllama/cross_entropy_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

// Block blockIdx.x owns row blockIdx.x; its threads share the V logits: thread t takes t, t + blockDim.x, ...
__global__ void cross_entropy_forward_kernel(const float* logits,  // (N, V)
                                             const int* targets,   // (N)
                                             float* losses,        // (N)
                                             float* lse,           // (N)
                                             int v) {
  const float* row = logits + blockIdx.x * static_cast<std::int64_t>(v);

  // TODO 3 (leave it for last of these three): exp(89) is infinite in float. Find the row's maximum, subtract
  //         it inside exp, add it again outside log. A thread without a logit has seen -INFINITY.
  float sum = 0.0f;
  // TODO 1: Add up exp(logit) over the logits of this thread.
  sum = block_sum(sum);
  if (threadIdx.x == 0) {
    // TODO 2: One thread stores lse = log(sum).
    // TODO 4: Store the loss as well: lse minus the logit of this row's target.
  }
}

void cross_entropy_forward_starter(const float* logits, const int* targets, float* losses, float* lse, int n,
                                   int v, cudaStream_t stream) {
  require_cross_entropy_forward(logits, targets, losses, lse, n, v);
  cross_entropy_forward_kernel<<<n, kThreads, 0, stream>>>(logits, targets, losses, lse, v);
  WB_CHECK_LAUNCH();
}

__global__ void cross_entropy_backward_kernel(const float* logits,  // (N, V)
                                              const int* targets,   // (N)
                                              const float* lse,     // (N)
                                              float* dlogits,       // (N, V), may be logits
                                              float dloss, int v) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(v);
  for (int i = static_cast<int>(threadIdx.x); i < v; i += static_cast<int>(blockDim.x)) {
    // TODO 5: The probability of token i is exp(logit - lse). dlogits is the probability, minus 1 at the
    //         target.
    // TODO 6: dloss is the gradient of the loss itself, 1 / N for a mean. Multiply dlogits by it.
  }
}

void cross_entropy_backward_starter(const float* logits, const int* targets, const float* lse, float* dlogits,
                                    float dloss, int n, int v, cudaStream_t stream) {
  require_cross_entropy_backward(logits, targets, lse, dlogits, n, v);
  cross_entropy_backward_kernel<<<n, kThreads, 0, stream>>>(logits, targets, lse, dlogits, dloss, v);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(CrossEntropyForward, starter, cross_entropy_forward_starter);
WB_REGISTER(CrossEntropyBackward, starter, cross_entropy_backward_starter);

}  // namespace wb
