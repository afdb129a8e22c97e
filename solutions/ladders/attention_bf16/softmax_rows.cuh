// The softmax of two rows of scores, in the registers of four lanes.
//
// A product of tensor cores leaves a row of its result in four lanes: for each block of 8 columns, lane l has
// columns 2 (l % 4) + 0, 1 of one row, s[4 block + 0, 1], and of the row 8 below, s[4 block + 2, 3]. mma.sync
// and wgmma agree in this, so all rungs share what follows.
#pragma once

#include <cuda_runtime.h>

#include "solutions/ladders/attention_bf16/exponential.cuh"

namespace wb::attention {

/// The softmax so far (online softmax). Scores become exp2(scale (s - max)): with log2(e) in the scale, one
/// FMA and one instruction of the special function unit per score.
///
/// kLazy: a maximum is kept until a score exceeds it by more than a factor 2^8 of its weight. Weights up to
/// 2^8 are as exact as weights up to 1, in bf16 and in fp32; and the sums so far are hardly ever scaled down.
template <int kColumns, bool kLazy>
struct SoftmaxRows {
  static constexpr int kScores = kColumns / 2;  // per lane
  float max[2] = {-INFINITY, -INFINITY};
  float sum[2] = {0.0f, 0.0f};  // of this lane's columns only
  float correction[2];          // of what was summed before the last update

  /// Columns that a row does not see count nothing. `first_key`: of column 0; `query`: of the upper row.
  template <bool kCausal>
  __device__ static void mask(float (&s)[kScores], int first_key, int query, int t) {
    const int key = first_key + static_cast<int>(threadIdx.x) % 4 * 2;
#pragma unroll
    for (int i = 0; i < kScores; ++i) {
      const int last = kCausal ? min(t - 1, query + i % 4 / 2 * 8) : t - 1;
      if (key + i / 4 * 8 + i % 2 > last) s[i] = -INFINITY;
    }
  }

  /// Turns scores into weights. Four chains of each kind: one alone would wait for its own results.
  __device__ void update(float (&s)[kScores], float scale) {
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      float most[4];
#pragma unroll
      for (int i = 0; i < kColumns / 8; ++i) {
        const float pair = fmaxf(s[4 * i + 2 * row], s[4 * i + 2 * row + 1]);
        most[i % 4] = i < 4 ? pair : fmaxf(most[i % 4], pair);
      }
      float m = fmaxf(fmaxf(most[0], most[1]), fmaxf(most[2], most[3]));
      m = fmaxf(m, __shfl_xor_sync(0xFFFFFFFFu, m, 1));
      m = fmaxf(m, __shfl_xor_sync(0xFFFFFFFFu, m, 2));
      m = fmaxf(m, max[row]);
      if (kLazy && (m - max[row]) * scale <= 8.0f) m = max[row];
      // A row that has seen no key yet has no maximum.
      const bool empty = m == -INFINITY;
      correction[row] = empty ? 1.0f : power_of_two((max[row] - m) * scale);
      const float base = empty ? 0.0f : m * scale;
      max[row] = m;
      float part[4];
#pragma unroll
      for (int i = 0; i < kColumns / 8; ++i) {
#pragma unroll
        for (int j = 0; j < 2; ++j) {
          float& x = s[4 * i + 2 * row + j];
          x = power_of_two(fmaf(x, scale, -base));
          part[i % 2 * 2 + j] = i < 2 ? x : part[i % 2 * 2 + j] + x;
        }
      }
      sum[row] = sum[row] * correction[row] + ((part[0] + part[1]) + (part[2] + part[3]));
    }
  }

  /// What was summed with the old maximum, by the new one.
  template <int kSums>
  __device__ void correct(float (&sums)[kSums]) const {
    if (kLazy && !__any_sync(0xFFFFFFFFu, correction[0] != 1.0f || correction[1] != 1.0f)) return;
#pragma unroll
    for (int i = 0; i < kSums; ++i) sums[i] *= correction[i % 4 / 2];
  }

  /// At the end: the sum of a whole row.
  __device__ float total(int row) const {
    float total = sum[row];
    total += __shfl_xor_sync(0xFFFFFFFFu, total, 1);
    total += __shfl_xor_sync(0xFFFFFFFFu, total, 2);
    return total;
  }
};

}  // namespace wb::attention
