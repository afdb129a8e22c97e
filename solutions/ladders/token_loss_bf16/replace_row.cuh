// token_loss with few instructions per logit (compute capability 9.0): the exponentials of
// softmax_forward/short_exponentials.cuh, and the target's gradient is written after the others.
#pragma once

#include "solutions/ladders/softmax_forward/short_exponentials.cuh"
#include "solutions/ladders/token_loss_bf16/token_loss_row.cuh"

namespace wb::ladder {

/// The logit of the row's target, in the thread that will store that logit's gradient.
struct Target {
  int column;
  bool is_mine;
  float logit;
};

/// Before any thread overwrites the row, which lies at `logits`.
template <class Shape>
__device__ Target target_of(const bf16* logits, int column) {
  const bool is_mine = column / Shape::kWidth % Shape::kThreads == static_cast<int>(threadIdx.x);
  return {column, is_mine, is_mine ? to_float(logits[column]) : 0.0f};
}

/// The row that the threads hold becomes its loss and its gradient. `turn` as in meet().
template <class Shape>
__device__ void replace_row(const TokenLossArguments& a, std::int64_t row, const HeldPacks<Shape>& held,
                            const Target& target, int turn = 0) {
  const MaxAndSum all = meet<Shape::kThreads>(short_exponentials<Shape>(held, a.v), MergeMaxAndSum{}, turn);
  const float lse = shift_for(all.of[0]) + logf(all.of[1]);
  const ShortExponential softmax(lse);
  const float scale = a.dloss * softmax.factor();
  bf16* out = a.logits + row * a.v;
  store_packs<Shape, false>(out, a.v, [&](int i, int j) { return scale * softmax.power(held.at(i, j)); });
  if (!target.is_mine) return;
  a.losses[row] = lse - target.logit;
  out[target.column] = from_float<bf16>(scale * softmax.power(target.logit) - a.dloss);
}

}  // namespace wb::ladder
