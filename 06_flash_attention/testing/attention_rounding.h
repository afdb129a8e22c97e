// What it may cost to round the probabilities on their way to the product with v, as kernels for tensor cores
// do.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "06_flash_attention/testing/attention_oracle.h"

namespace wb {

/// How far out, (B, T, H, D), may move when every probability is off by a relative error of at most `p_error`
/// before it multiplies v: at most p_error sum p |v|. That is where all errors add up. Errors of rounding to
/// nearest do not: they are spread evenly over at most +- p_error p, so that the standard deviation of their
/// sum is at most p_error sqrt(sum p^2 v^2 / 3). Seven of these are allowed, or the bound, whichever is less:
/// then a key left out among 1000 is refused.
inline std::vector<double> attention_forward_slack(const AttentionOracle& oracle,
                                                   const std::vector<double>& v, const AttentionShape& shape,
                                                   double p_error) {
  std::vector<double> slack(oracle.out.size());
  std::vector<double> sums(shape.d), squares(shape.d);
  std::size_t row = 0;
  for (int b = 0; b < shape.b; ++b) {
    for (int h = 0; h < shape.h; ++h) {
      for (int t = 0; t < shape.t; ++t, ++row) {
        std::fill(sums.begin(), sums.end(), 0.0);
        std::fill(squares.begin(), squares.end(), 0.0);
        for (int s = 0; s < (shape.causal ? t + 1 : shape.t); ++s) {
          const double p = oracle.probabilities[row * shape.t + s];
          const double* value = &v[head_at(shape, shape.kv, b, s, h / (shape.h / shape.kv))];
          for (int c = 0; c < shape.d; ++c) {
            sums[c] += std::abs(p * value[c]);
            squares[c] += p * value[c] * p * value[c];
          }
        }
        double* allowed = &slack[head_at(shape, shape.h, b, t, h)];
        for (int c = 0; c < shape.d; ++c) {
          allowed[c] = p_error * std::min(sums[c], 7.0 * std::sqrt(squares[c] / 3.0));
        }
      }
    }
  }
  return slack;
}

/// out, (B, T, H, D), of a kernel whose weights exp(s - max) are what `weight(w, key)` makes of them before
/// they multiply v, and `counted(w, key)` before they are summed up.
template <class Weight, class Counted>
std::vector<double> attention_of_weights(const AttentionOracle& oracle, const std::vector<double>& v,
                                         const AttentionShape& shape, Weight weight, Counted counted) {
  std::vector<double> out(oracle.out.size());
  std::size_t row = 0;
  for (int b = 0; b < shape.b; ++b) {
    for (int h = 0; h < shape.h; ++h) {
      for (int t = 0; t < shape.t; ++t, ++row) {
        const double* p = &oracle.probabilities[row * shape.t];
        const int keys = shape.causal ? t + 1 : shape.t;
        const double most = *std::max_element(p, p + keys);
        double* to = &out[head_at(shape, shape.h, b, t, h)];
        double sum = 0.0;
        for (int s = 0; s < keys; ++s) {
          const double* value = &v[head_at(shape, shape.kv, b, s, h / (shape.h / shape.kv))];
          const double w = weight(p[s] / most, s);
          sum += counted(p[s] / most, s);
          for (int c = 0; c < shape.d; ++c) to[c] += w * value[c];
        }
        for (int c = 0; c < shape.d; ++c) to[c] /= sum;
      }
    }
  }
  return out;
}

}  // namespace wb
