// Attention and its gradient as plain loops in double: what every implementation is compared with.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "06_flash_attention/attention.h"

namespace wb {

struct AttentionOracle {
  std::vector<double> out;            // (B, T, H, D)
  std::vector<double> lse;            // (B, H, T)
  std::vector<double> probabilities;  // (B, H, T, T)
};

struct AttentionOracleGradients {
  std::vector<double> dq;  // (B, T, H, D)
  std::vector<double> dk;  // (B, T, K, D)
  std::vector<double> dv;  // (B, T, K, D)
};

/// Index of the first feature of token t and head h in a contiguous (B, T, heads, D) array.
inline std::size_t head_at(const AttentionShape& shape, int heads, int b, int t, int h) {
  return ((static_cast<std::size_t>(b) * shape.t + t) * heads + h) * shape.d;
}

inline double dot(const double* x, const double* y, int d) {
  double sum = 0.0;
  for (int c = 0; c < d; ++c) sum += x[c] * y[c];
  return sum;
}

/// q (B, T, H, D), k and v (B, T, K, D), all contiguous.
inline AttentionOracle attention_oracle_forward(const std::vector<double>& q, const std::vector<double>& k,
                                                const std::vector<double>& v, const AttentionShape& shape) {
  const auto [b_count, t_count, h_count, kv, d, causal, scale] = shape;
  const std::size_t rows = static_cast<std::size_t>(b_count) * h_count * t_count;
  AttentionOracle oracle{std::vector<double>(rows * d), std::vector<double>(rows),
                         std::vector<double>(rows * t_count)};
  std::size_t row = 0;
  for (int b = 0; b < b_count; ++b) {
    for (int h = 0; h < h_count; ++h) {
      for (int t = 0; t < t_count; ++t, ++row) {
        const int keys = causal ? t + 1 : t_count;
        const int group = h / (h_count / kv);
        double* p = &oracle.probabilities[row * t_count];
        double max = -std::numeric_limits<double>::infinity();
        for (int s = 0; s < keys; ++s) {
          p[s] = static_cast<double>(scale) *
                 dot(&q[head_at(shape, h_count, b, t, h)], &k[head_at(shape, kv, b, s, group)], d);
          max = std::max(max, p[s]);
        }
        double sum = 0.0;
        for (int s = 0; s < keys; ++s) sum += p[s] = std::exp(p[s] - max);
        oracle.lse[row] = max + std::log(sum);
        for (int s = 0; s < keys; ++s) {
          p[s] /= sum;
          for (int c = 0; c < d; ++c) {
            oracle.out[head_at(shape, h_count, b, t, h) + c] += p[s] * v[head_at(shape, kv, b, s, group) + c];
          }
        }
      }
    }
  }
  return oracle;
}

/// dP = dO V^T, dS = P (dP - delta), with scale. delta = sum P dP is also dO . out: given `out` as a kernel
/// finds it stored, rounded, it is taken from there. Calls visit(query, key, p, ds) for every pair that is
/// seen, with the indices of the first features of both.
template <class Visit>
void for_each_attention_weight(const std::vector<double>& dout,  // (B, T, H, D)
                               const std::vector<double>& q, const std::vector<double>& k,
                               const std::vector<double>& v, const AttentionShape& shape,
                               const std::vector<double>* out, Visit visit) {
  const auto [b_count, t_count, h_count, kv, d, causal, scale] = shape;
  const AttentionOracle forward = attention_oracle_forward(q, k, v, shape);
  std::vector<double> dp(t_count);
  std::size_t row = 0;
  for (int b = 0; b < b_count; ++b) {
    for (int h = 0; h < h_count; ++h) {
      for (int t = 0; t < t_count; ++t, ++row) {
        const int keys = causal ? t + 1 : t_count;
        const int group = h / (h_count / kv);
        const double* p = &forward.probabilities[row * t_count];
        const std::size_t query = head_at(shape, h_count, b, t, h);
        double delta = 0.0;
        for (int s = 0; s < keys; ++s) {
          dp[s] = dot(&dout[query], &v[head_at(shape, kv, b, s, group)], d);
          delta += p[s] * dp[s];
        }
        if (out != nullptr) delta = dot(&dout[query], &(*out)[query], d);
        for (int s = 0; s < keys; ++s) {
          visit(query, head_at(shape, kv, b, s, group), p[s],
                static_cast<double>(scale) * p[s] * (dp[s] - delta));
        }
      }
    }
  }
}

/// dQ = dS K, dK = dS^T Q, dV = P^T dO.
inline AttentionOracleGradients attention_oracle_backward(const std::vector<double>& dout,  // (B, T, H, D)
                                                          const std::vector<double>& q,
                                                          const std::vector<double>& k,
                                                          const std::vector<double>& v,
                                                          const AttentionShape& shape,
                                                          const std::vector<double>* out = nullptr) {
  AttentionOracleGradients sums{std::vector<double>(q.size()), std::vector<double>(k.size()),
                                std::vector<double>(v.size())};
  for_each_attention_weight(dout, q, k, v, shape, out,
                            [&](std::size_t query, std::size_t key, double p, double ds) {
                              for (int c = 0; c < shape.d; ++c) {
                                sums.dq[query + c] += ds * k[key + c];
                                sums.dk[key + c] += ds * q[query + c];
                                sums.dv[key + c] += p * dout[query + c];
                              }
                            });
  return sums;
}

/// How far the gradients may move when each P and each dS is off by these relative errors: the same sums, of
/// absolute values.
inline AttentionOracleGradients attention_oracle_slack(
    const std::vector<double>& dout, const std::vector<double>& q, const std::vector<double>& k,
    const std::vector<double>& v, const AttentionShape& shape, const std::vector<double>* out, double p_error,
    double ds_error) {
  AttentionOracleGradients sums{std::vector<double>(q.size()), std::vector<double>(k.size()),
                                std::vector<double>(v.size())};
  for_each_attention_weight(dout, q, k, v, shape, out,
                            [&](std::size_t query, std::size_t key, double p, double ds) {
                              for (int c = 0; c < shape.d; ++c) {
                                sums.dq[query + c] += std::abs(ds_error * ds * k[key + c]);
                                sums.dk[key + c] += std::abs(ds_error * ds * q[query + c]);
                                sums.dv[key + c] += std::abs(p_error * p * dout[query + c]);
                              }
                            });
  return sums;
}

}  // namespace wb
