// Rung 3: fewer instructions per logit.
// Needs: sm_90
//
// Idea: both exponentials of a logit are one multiply-add and one power of two, and the maximum takes two
// logits at a time (softmax_forward/short_exponentials.cuh). Blocks and registers are those of rung 2.
//
// Limited before: two blocks per multiprocessor that compute at the same time, while no loads are in flight.
// Limits now: memory: 97% of a copy at 32000 logits (H200).
// Uses: 36 to 64 registers without spills, 32 to 256 bytes of shared memory.
// Costs in clarity: exponentials with base 2, and a factor that corrects their rounding.
#include "07_tinyllama/token_loss_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rows/early_launch.cuh"
#include "solutions/ladders/token_loss_bf16/replace_row.cuh"

namespace wb {
namespace {

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads, 1024 / Shape::kThreads)
    short_exponentials(ladder::TokenLossArguments a) {
  const std::int64_t row = blockIdx.x;
  ladder::HeldPacks<Shape> held;
  hopper::wait_for_previous_kernel();
  held.ask_for(a.logits + row * a.v, a.v);
  const ladder::Target target = ladder::target_of<Shape>(a.logits + row * a.v, a.targets[row]);
  hopper::let_next_kernel_start();
  ladder::replace_row<Shape>(a, row, held, target);
}

void token_loss_short_exponentials(bf16* logits, const int* targets, float* losses, float dloss, int n, int v,
                                   cudaStream_t stream) {
  require_token_loss(logits, targets, losses, n, v);
  const ladder::TokenLossArguments a = {logits, targets, losses, dloss, v};
  const bool wide = rows_fit_pack<8>(v, logits);
  const bool held = ladder::with_logits(v, wide, [&](auto shape) {
    ladder::launch_early(short_exponentials<decltype(shape)>, {n, shape.kThreads}, stream, a);
  });
  if (!held) ladder::token_loss_walked_kernel(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(a);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(TokenLossBf16, short_exponentials, token_loss_short_exponentials);

}  // namespace wb
