// Exponentials of a row of bf16 with few instructions (compute capability 9.0).
//
// The special function unit computes powers of two. expf(x - from) is a subtraction, a multiplication, the
// power, and more instructions for denormal results and the last bits. Here it is one multiply-add and the
// power: exp(x - from) = 2^(x log2(e) - from log2(e)), and denormal results become 0. The maximum is computed
// for two bf16 values at a time.
#pragma once

#include "solutions/ladders/attention_bf16/exponential.cuh"
#include "solutions/ladders/rows/held_packs.cuh"
#include "solutions/ladders/softmax_forward/softmax_row.cuh"

namespace wb::ladder {

/// exp(x - from) is factor * power(x). The factor is near 1: it makes up for the rounding of shift, which
/// would show where `from` is in the thousands. The slope is log2(e).
class ShortExponential {
 public:
  __device__ explicit ShortExponential(float from, float slope = attention::kLog2E)
      : slope_(slope), shift_(from * slope), factor_(attention::power_of_two(-fmaf(from, slope, -shift_))) {}

  __device__ float power(float x) const { return attention::power_of_two(fmaf(x, slope_, -shift_)); }
  __device__ float factor() const { return factor_; }

 private:
  float slope_, shift_, factor_;
};

/// The exponentials of differences between bf16 values and one of them, of any size. From 65536 on two values
/// differ by 256 or more, or not at all: their exponential is 0 or 1 whatever the slope, and with slope 1
/// nothing overflows.
__device__ inline ShortExponential exponential_from(float value) {
  return ShortExponential(value, fabsf(value) < 65536.0f ? attention::kLog2E : 1.0f);
}

/// The larger of two bf16 in each half of a word; of a number and NaN the number.
__device__ inline unsigned larger_halves(unsigned a, unsigned b) {
  unsigned larger;
  asm("max.bf16x2 %0, %1, %2;" : "=r"(larger) : "r"(a), "r"(b));
  return larger;
}

/// The maximum of what this thread holds, and the sum of exp(value - maximum).
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
  const ShortExponential exponential = exponential_from(shift_for(maximum));
  float sum = 0.0f;
  row.each(columns, [&](float value) { sum += exponential.power(value); });
  return {{maximum, sum * exponential.factor()}};
}

/// Writes softmax of a row that the threads of Shape hold.
template <class Shape>
__device__ void store_softmax(bf16* y,  // (columns)
                              const HeldPacks<Shape>& row, int columns) {
  const MaxAndSum all = meet<Shape::kThreads>(short_exponentials(row, columns), MergeMaxAndSum{});
  const ShortExponential exponential = exponential_from(shift_for(all.of[0]));
  const float scale = exponential.factor() * inverse_of(all.of[1]);
  store_packs<Shape, false>(y, columns,
                            [&](int i, int j) { return scale * exponential.power(row.at(i, j)); });
}

}  // namespace wb::ladder
