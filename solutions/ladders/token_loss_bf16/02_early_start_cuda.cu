// Rung 2: the next kernel starts while this one still runs.
// Needs: sm_90
//
// Idea: programmatic dependent launch (dependent_launch.cuh), as in softmax_forward. Everything else is as in
// rung 1.
//
// Limited before: at 1024 x 1000, start and end of the kernel: 4.8 us instead of 4.1 (H200).
// Limits now: as rung 1. At 8192 x 32000 the start is less than 1% of the time, and nothing is gained.
// Uses: as rung 1.
// Costs in clarity: a wait; if it is missing, tests may still pass.
#include "07_tinyllama/token_loss_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rows/early_launch.cuh"
#include "solutions/ladders/token_loss_bf16/token_loss_row.cuh"

namespace wb {
namespace {

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads, 1024 / Shape::kThreads)
    early_start(ladder::TokenLossArguments a) {
  const std::int64_t row = blockIdx.x;
  ladder::HeldPacks<Shape> held;
  hopper::wait_for_previous_kernel();
  held.ask_for(a.logits + row * a.v, a.v);
  hopper::let_next_kernel_start();
  ladder::hold_token_loss<Shape>(a, row, held);
}

void token_loss_early_start(bf16* logits, const int* targets, float* losses, float dloss, int n, int v,
                            cudaStream_t stream) {
  require_token_loss(logits, targets, losses, n, v);
  const ladder::TokenLossArguments a = {logits, targets, losses, dloss, v};
  const bool wide = rows_fit_pack<8>(v, logits);
  const bool held = ladder::with_logits(v, wide, [&](auto shape) {
    ladder::launch_early(early_start<decltype(shape)>, {n, shape.kThreads}, stream, a);
  });
  if (!held) ladder::token_loss_walked_kernel(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(a);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(TokenLossBf16, early_start, token_loss_early_start);

}  // namespace wb
