// Cross entropy and its gradient in place, one block per row of bf16 logits.
//
// cross_entropy_solution.cu has two kernels, because a program may need losses without gradients. If both are
// needed, one block computes the row's log-sum-exp and reads the row again immediately, mostly from the L2
// cache: 4 bytes per logit move to and from memory instead of 6. A thread writes only elements that it has
// read itself, after a barrier, so the gradient may overwrite the logits.
//
// Read next: solutions/ladders/token_loss_bf16, where the row is read once.
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "07_tinyllama/token_loss_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kPerThread = 32;  // logits, at least

template <int kWidth>
__global__ void __launch_bounds__(1024) token_loss_kernel(bf16* logits,        // (N, V)
                                                          const int* targets,  // (N)
                                                          float* losses,       // (N)
                                                          float dloss, int v) {
  bf16* row = logits + blockIdx.x * static_cast<std::int64_t>(v);
  auto* packs = reinterpret_cast<Pack<kWidth, bf16>*>(row);
  const int count = v / kWidth, target = targets[blockIdx.x];

  float maximum = -INFINITY, sum = 0.0f;  // of exp(logit - maximum) over what this thread has seen
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) {
    const Pack<kWidth, bf16> pack = packs[i];
    float larger = maximum;
    for (const bf16 logit : pack.values) larger = fmaxf(larger, to_float(logit));
    // Where nothing but -inf has been seen, -inf - -inf would be NaN.
    const float shift = larger == -INFINITY ? 0.0f : larger;
    sum *= __expf(maximum - shift);
    for (const bf16 logit : pack.values) sum += __expf(to_float(logit) - shift);
    maximum = larger;
  }
  const float of_row = block_max(maximum), shift = of_row == -INFINITY ? 0.0f : of_row;
  const float lse = shift + logf(block_sum(sum * __expf(maximum - shift)));
  if (threadIdx.x == 0) losses[blockIdx.x] = lse - to_float(row[target]);
  __syncthreads();  // the target's logit has been read: its thread may overwrite it

  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) {
    Pack<kWidth, bf16> pack = packs[i];
    for (int j = 0; j < kWidth; ++j) {
      const float hit = i * kWidth + j == target ? 1.0f : 0.0f;
      pack.values[j] = from_float<bf16>(dloss * (__expf(to_float(pack.values[j]) - lse) - hit));
    }
    packs[i] = pack;
  }
}

void token_loss_solution(bf16* logits, const int* targets, float* losses, float dloss, int n, int v,
                         cudaStream_t stream) {
  require_token_loss(logits, targets, losses, n, v);
  const auto kernel = rows_fit_pack<8>(v, logits) ? token_loss_kernel<8> : token_loss_kernel<1>;
  kernel<<<n, threads_for_row(v, kPerThread), 0, stream>>>(logits, targets, losses, dloss, v);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(TokenLossBf16, solution, token_loss_solution);

}  // namespace wb
