// token_loss with few instructions per logit (compute capability 9.0).
//
// The special function unit computes powers of two. __expf(x - lse) is a subtraction, a multiplication, the
// power, and three more instructions in case the result is denormal. Here it is one multiply-add and the
// power: exp(x - lse) = 2^(x log2(e) - lse log2(e)), and denormal results become 0. The maximum is computed
// for two bf16 values at a time, and the target's gradient is written after the others.
#pragma once

#include "solutions/ladders/attention_bf16/exponential.cuh"
#include "solutions/ladders/token_loss_bf16/token_loss_row.cuh"

namespace wb::ladder {

/// exp(x - from) is factor * power(x). The factor is near 1: it makes up for the rounding of shift, which
/// would show where `from` is in the thousands.
class ShortExponential {
 public:
  __device__ explicit ShortExponential(float from)
      : shift_(from * attention::kLog2E),
        factor_(attention::power_of_two(-fmaf(from, attention::kLog2E, -shift_))) {}

  __device__ float power(float x) const {
    return attention::power_of_two(fmaf(x, attention::kLog2E, -shift_));
  }
  __device__ float factor() const { return factor_; }

 private:
  float shift_, factor_;
};

/// The larger of two bf16 in each half of a word; of a number and NaN the number.
__device__ inline unsigned larger_halves(unsigned a, unsigned b) {
  unsigned larger;
  asm("max.bf16x2 %0, %1, %2;" : "=r"(larger) : "r"(a), "r"(b));
  return larger;
}

/// Maximum and sum of exponentials of what this thread holds, as exponentials_held gives them.
template <class Shape>
__device__ MaxAndSum short_exponentials(const HeldPacks<Shape>& row, int columns) {
  unsigned halves = 0xff80ff80u;  // minus infinity, twice
#pragma unroll
  for (int i = 0; i < Shape::kPacks; ++i) {
    if (!row.is_inside(i, columns)) continue;
    const uint4 words = row.words(i);
    halves = larger_halves(halves,
                           larger_halves(larger_halves(words.x, words.y), larger_halves(words.z, words.w)));
  }
  const float maximum = fmaxf(__uint_as_float(halves << 16), __uint_as_float(halves & 0xffff0000u));
  const ShortExponential exponential(shift_for(maximum));
  float sum = 0.0f;
  row.each(columns, [&](float logit) { sum += exponential.power(logit); });
  return {{maximum, sum * exponential.factor()}};
}

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
