// Windowed attention and its gradient as plain loops in double: rotate by both encodings, blend the products.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <vector>

#include "05_rmsnorm_rope/testing/rope_oracle.h"
#include "06_flash_attention/windowed_attention.h"

namespace wb {

/// What makes one problem, on the host. Everything is token-major.
struct WindowedAttentionCase {
  WindowedAttentionShape shape;
  int window;
  int band;
  RopeTable near;
  RopeTable far;
};

/// The weight of the far encoding in the score of query i and key j.
using FarWeight = std::function<double(int i, int j)>;
inline FarWeight far_weight_of(int window, int band) {
  return [window, band](int i, int j) {
    const int beyond = std::abs(i - j) - window;
    if (beyond <= 0) return 0.0;
    return beyond >= band ? 1.0 : static_cast<double>(beyond) / band;
  };
}

/// Which key/value head a query head reads.
using KeyHead = std::function<int(int head)>;
inline KeyHead key_head_of(const WindowedAttentionShape& shape) {
  return [shape](int head) { return head / (shape.h / shape.kv); };
}

struct WindowedAttentionResult {
  std::vector<double> out;            // (B, T, H, D)
  std::vector<double> lse;            // (B, H, T)
  std::vector<double> probabilities;  // (B, H, T, T)
};

struct WindowedAttentionGradients {
  std::vector<double> dq;  // (B, T, H, D)
  std::vector<double> dk;  // (B, T, K, D)
  std::vector<double> dv;  // (B, T, K, D)
};

namespace detail {

inline HeadsShape heads_shape(const WindowedAttentionShape& shape, int heads) {
  return {shape.b, shape.t, heads, shape.d};
}

inline std::vector<double> rotated(const std::vector<double>& x, const WindowedAttentionCase& c, int heads,
                                   const RopeTable& table, double direction = 1.0) {
  return rope_oracle(x, heads_shape(c.shape, heads), table, RopePairing::kHalfSplit, direction);
}

// Where token t of head h starts.
inline std::size_t row_start(const WindowedAttentionShape& shape, int heads, int b, int t, int h) {
  return ((static_cast<std::size_t>(b) * shape.t + t) * heads + h) * shape.d;
}

inline double product(const double* x, const double* y, int d) {
  double sum = 0.0;
  for (int c = 0; c < d; ++c) sum += x[c] * y[c];
  return sum;
}

inline void add_scaled(double* sum, double factor, const double* x, int d) {
  if (factor == 0.0) return;
  for (int c = 0; c < d; ++c) sum[c] += factor * x[c];
}

// An encoding of weight 0 is not asked at all: its table may hold anything.
inline bool any_far(const WindowedAttentionShape& shape, const FarWeight& far_weight) {
  for (int i = 0; i < shape.t; ++i) {
    for (int j = 0; j < shape.t; ++j) {
      if (far_weight(i, j) != 0.0) return true;
    }
  }
  return false;
}

}  // namespace detail

/// Tables of the queries (of_query) and of the keys (of_key), which a right result has in common: c's.
struct WindowedTables {
  RopeTable near, far;
};

/// q (B, T, H, D), k and v (B, T, K, D).
inline WindowedAttentionResult windowed_attention_oracle(
    const std::vector<double>& q, const std::vector<double>& k, const std::vector<double>& v,
    const WindowedAttentionCase& c, const FarWeight& far_weight, const KeyHead& key_head,
    const WindowedTables& of_query, const WindowedTables& of_key) {
  const auto [b_count, t_count, h_count, kv, d, causal, scale] = c.shape;
  const bool has_far = detail::any_far(c.shape, far_weight);
  const auto q_near = detail::rotated(q, c, h_count, of_query.near),
             k_near = detail::rotated(k, c, kv, of_key.near);
  const auto q_far = has_far ? detail::rotated(q, c, h_count, of_query.far) : q_near,
             k_far = has_far ? detail::rotated(k, c, kv, of_key.far) : k_near;
  const std::size_t rows = static_cast<std::size_t>(b_count) * h_count * t_count;
  WindowedAttentionResult result{std::vector<double>(rows * d), std::vector<double>(rows),
                                 std::vector<double>(rows * t_count)};
  std::size_t row = 0;
  for (int b = 0; b < b_count; ++b) {
    for (int h = 0; h < h_count; ++h) {
      for (int i = 0; i < t_count; ++i, ++row) {
        const int keys = causal ? i + 1 : t_count;
        const std::size_t query = detail::row_start(c.shape, h_count, b, i, h);
        double* p = &result.probabilities[row * t_count];
        for (int j = 0; j < keys; ++j) {
          const std::size_t key = detail::row_start(c.shape, kv, b, j, key_head(h));
          const double w = far_weight(i, j);
          p[j] = 0.0;
          if (w != 1.0) p[j] += (1.0 - w) * detail::product(&q_near[query], &k_near[key], d);
          if (w != 0.0) p[j] += w * detail::product(&q_far[query], &k_far[key], d);
          p[j] *= static_cast<double>(scale);
        }
        const double max = *std::max_element(p, p + keys);
        double sum = 0.0;
        for (int j = 0; j < keys; ++j) sum += p[j] = std::exp(p[j] - max);
        result.lse[row] = max + std::log(sum);
        for (int j = 0; j < keys; ++j) {
          p[j] /= sum;
          detail::add_scaled(&result.out[query], p[j], &v[detail::row_start(c.shape, kv, b, j, key_head(h))],
                             d);
        }
      }
    }
  }
  return result;
}

inline WindowedAttentionResult windowed_attention_oracle(
    const std::vector<double>& q, const std::vector<double>& k, const std::vector<double>& v,
    const WindowedAttentionCase& c, const FarWeight& far_weight, const KeyHead& key_head) {
  const WindowedTables tables{c.near, c.far};
  return windowed_attention_oracle(q, k, v, c, far_weight, key_head, tables, tables);
}

inline WindowedAttentionResult windowed_attention_oracle(const std::vector<double>& q,
                                                         const std::vector<double>& k,
                                                         const std::vector<double>& v,
                                                         const WindowedAttentionCase& c) {
  return windowed_attention_oracle(q, k, v, c, far_weight_of(c.window, c.band), key_head_of(c.shape));
}

/// dS = P (dP - sum dP P). A score is a blend of two products, so dS splits into (1 - w) dS and w dS, each
/// part gives a gradient of rotated rows, and those are rotated back.
inline WindowedAttentionGradients windowed_attention_backward_oracle(
    const std::vector<double>& dout, const std::vector<double>& q, const std::vector<double>& k,
    const std::vector<double>& v, const WindowedAttentionCase& c, const FarWeight& far_weight) {
  const auto [b_count, t_count, h_count, kv, d, causal, scale] = c.shape;
  const KeyHead key_head = key_head_of(c.shape);
  const std::vector<double> p_all = windowed_attention_oracle(q, k, v, c).probabilities;
  WindowedAttentionGradients gradients{std::vector<double>(q.size()), std::vector<double>(k.size()),
                                       std::vector<double>(v.size())};
  const bool has_far = detail::any_far(c.shape, far_weight);
  for (const bool far : {false, true}) {
    if (far && !has_far) continue;
    const RopeTable& table = far ? c.far : c.near;
    const auto q_rotated = detail::rotated(q, c, h_count, table),
               k_rotated = detail::rotated(k, c, kv, table);
    std::vector<double> dq(q.size()), dk(k.size()), dp(t_count);
    std::size_t row = 0;
    for (int b = 0; b < b_count; ++b) {
      for (int h = 0; h < h_count; ++h) {
        for (int i = 0; i < t_count; ++i, ++row) {
          const int keys = causal ? i + 1 : t_count;
          const double* p = &p_all[row * t_count];
          const std::size_t query = detail::row_start(c.shape, h_count, b, i, h);
          double mean = 0.0;
          for (int j = 0; j < keys; ++j) {
            const std::size_t key = detail::row_start(c.shape, kv, b, j, key_head(h));
            dp[j] = detail::product(&dout[query], &v[key], d);
            mean += p[j] * dp[j];
            if (!far) detail::add_scaled(&gradients.dv[key], p[j], &dout[query], d);
          }
          for (int j = 0; j < keys; ++j) {
            const std::size_t key = detail::row_start(c.shape, kv, b, j, key_head(h));
            const double w = far ? far_weight(i, j) : 1.0 - far_weight(i, j);
            const double ds = static_cast<double>(scale) * w * p[j] * (dp[j] - mean);
            detail::add_scaled(&dq[query], ds, &k_rotated[key], d);
            detail::add_scaled(&dk[key], ds, &q_rotated[query], d);
          }
        }
      }
    }
    dq = detail::rotated(dq, c, h_count, table, -1.0);
    dk = detail::rotated(dk, c, kv, table, -1.0);
    detail::add_scaled(gradients.dq.data(), 1.0, dq.data(), static_cast<int>(dq.size()));
    detail::add_scaled(gradients.dk.data(), 1.0, dk.data(), static_cast<int>(dk.size()));
  }
  return gradients;
}

inline WindowedAttentionGradients windowed_attention_backward_oracle(const std::vector<double>& dout,
                                                                     const std::vector<double>& q,
                                                                     const std::vector<double>& k,
                                                                     const std::vector<double>& v,
                                                                     const WindowedAttentionCase& c) {
  return windowed_attention_backward_oracle(dout, q, k, v, c, far_weight_of(c.window, c.band));
}

}  // namespace wb
