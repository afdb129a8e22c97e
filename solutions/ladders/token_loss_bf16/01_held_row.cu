// Rung 1: the logits stay in registers between the sum and the gradient.
//
// Idea: a block holds its row as bf16, two logits per register, up to 32768 logits with 512 threads. This
// takes 32 registers per thread, so that two blocks fit on a multiprocessor and one loads while the other
// computes. The exponentials are computed twice, for the sum and for the gradient, since keeping them would
// take twice the registers.
//
// Limited before: the second read of the row: 67% of a copy at 8192 x 32000 (H200).
// Limits now: no longer memory alone: 77% of a copy. Two blocks per multiprocessor load, compute two
// exponentials per logit and store, and no loads are in flight while both compute. No counter was measured.
// Uses: 36 to 64 registers for rows that a block holds, 32 to 256 bytes of shared memory.
// Costs in clarity: a launch shape for each row length.
#include "07_tinyllama/token_loss_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/token_loss_bf16/token_loss_row.cuh"

namespace wb {
namespace {

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads, 1024 / Shape::kThreads)
    held_row(ladder::TokenLossArguments a) {
  const std::int64_t row = blockIdx.x;
  ladder::HeldPacks<Shape> held;
  held.ask_for(a.logits + row * a.v, a.v);
  ladder::hold_token_loss<Shape>(a, row, held);
}

void token_loss_held_row(bf16* logits, const int* targets, float* losses, float dloss, int n, int v,
                         cudaStream_t stream) {
  require_token_loss(logits, targets, losses, n, v);
  const ladder::TokenLossArguments a = {logits, targets, losses, dloss, v};
  const bool wide = rows_fit_pack<8>(v, logits);
  const bool held = ladder::with_logits(
      v, wide, [&](auto shape) { held_row<decltype(shape)><<<n, shape.kThreads, 0, stream>>>(a); });
  if (!held) ladder::token_loss_walked_kernel(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(a);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(TokenLossBf16, held_row, token_loss_held_row);

}  // namespace wb
