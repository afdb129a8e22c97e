// What a wrong result of attention looks like it was computed from. Tests append it to a failure.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "06_flash_attention/testing/attention_cases.h"
#include "06_flash_attention/testing/attention_oracle.h"
#include "common/harness/matcher.h"

namespace wb {

namespace detail {

/// How a wrong forward pass differs from the right one.
struct AttentionSlip {
  double scale = 1.0;         // of the scores, instead of shape.scale
  int extra_keys = 0;         // seen beyond the diagonal when causal
  bool masked = true;         // whether causal is obeyed
  int heads_interleaved = 0;  // 1: head h reads h % kv; 2: every head reads head 0
  bool divided = true;        // by the sum of the weights
  int tile = 0;       // > 0: sums are not rescaled when a later tile of so many keys has a larger maximum
  int mask_tile = 0;  // > 0: the mask compares a key's index inside its tile of so many keys
  bool weights_rescaled = false;  // with tile: the sum of the weights is, that of the values is not
};

/// out (B, T, H, D) with that slip, in double.
inline std::vector<double> attention_with_slip(const AttentionInputs& in, const AttentionShape& shape,
                                               const AttentionSlip& slip) {
  const std::vector<double> q = to_double(in.q), k = to_double(in.k), v = to_double(in.v);
  std::vector<double> out(q.size());
  for (int b = 0; b < shape.b; ++b) {
    for (int h = 0; h < shape.h; ++h) {
      const int group = slip.heads_interleaved == 0   ? h / (shape.h / shape.kv)
                        : slip.heads_interleaved == 1 ? h % shape.kv
                                                      : 0;
      for (int t = 0; t < shape.t; ++t) {
        double* row = &out[head_at(shape, shape.h, b, t, h)];
        const bool causal = shape.causal && slip.masked;
        const bool in_tile = causal && slip.mask_tile > 0;
        const int keys = causal && !in_tile ? std::clamp(t + 1 + slip.extra_keys, 0, shape.t) : shape.t;
        const int tile = slip.tile > 0 ? slip.tile : std::max(keys, 1);
        double maximum = -INFINITY, sum = 0.0;
        for (int s = 0; s < keys; ++s) {
          if (in_tile && s % slip.mask_tile > t) continue;
          const auto score = [&](int key) {
            return slip.scale * dot(&q[head_at(shape, shape.h, b, t, h)],
                                    &k[head_at(shape, shape.kv, b, key, group)], shape.d);
          };
          const double before = maximum;
          for (int next = s; s % tile == 0 && next < std::min(s + tile, keys); ++next) {
            maximum = std::max(maximum, score(next));
          }
          if (slip.weights_rescaled) sum *= std::exp(before - maximum);
          const double weight = std::exp(score(s) - maximum);
          sum += weight;
          for (int c = 0; c < shape.d; ++c) row[c] += weight * v[head_at(shape, shape.kv, b, s, group) + c];
        }
        for (int c = 0; c < shape.d && slip.divided && keys > 0; ++c) row[c] /= sum;
      }
    }
  }
  return out;
}

/// Looser than the tests: it only has to tell mistakes apart.
inline bool attention_looks_like(std::span<const float> got, const std::vector<double>& suspect) {
  return bool(matches(got, suspect, {2e-4, 2e-4}));
}

}  // namespace detail

/// Names the mistake behind a wrong out (B, T, H, D); empty where none of those known fits.
inline std::string explain_attention(std::span<const float> out, const AttentionInputs& in,
                                     const AttentionShape& shape) {
  const double scale = static_cast<double>(shape.scale);
  const auto is = [&](const detail::AttentionSlip& slip) {
    return detail::attention_looks_like(out, detail::attention_with_slip(in, shape, slip));
  };
  if (is({.scale = 0.0})) return "looks like: every key has the same weight: the scores are not used";
  if (is({.scale = 1.0})) return "looks like: the scores are not scaled";
  if (is({.scale = scale, .divided = false})) return "looks like: no division by the sum of the weights";
  if (shape.causal) {
    if (is({.scale = scale, .masked = false})) return "looks like: queries see the keys after them: no mask";
    for (const int tile : {16, 32, 64}) {
      if (shape.t > tile && is({.scale = scale, .mask_tile = tile})) {
        return "looks like: the mask compares the query with the key's index inside its tile, s: take its "
               "place in the sequence, first + s";
      }
    }
    if (is({.scale = scale, .extra_keys = 1})) {
      return "looks like: the mask is off by one: a query sees the key after it";
    }
    // Query 0 then sees no key: 0 / 0, where the kernel does not guard its division.
    std::vector<float> rest(out.begin(), out.end());
    for (std::size_t i = 0; i < rest.size() && shape.t > 1; ++i) {
      const bool of_query_0 = i / (static_cast<std::size_t>(shape.h) * shape.d) % shape.t == 0;
      if (of_query_0 && std::isnan(rest[i])) rest[i] = 0.0f;
    }
    if (detail::attention_looks_like(
            rest, detail::attention_with_slip(in, shape, {.scale = scale, .extra_keys = -1}))) {
      return "looks like: the mask is off by one: a query does not see its own key";
    }
  }
  if (shape.kv > 1 && shape.kv < shape.h) {
    if (is({.scale = scale, .heads_interleaved = 1})) {
      return "looks like: the wrong group: query head h reads key head h % K, not h / (H / K)";
    }
    if (is({.scale = scale, .heads_interleaved = 2})) {
      return "looks like: the wrong group: every query head reads key head 0";
    }
  }
  for (const int tile : {1, 16, 32, 64}) {
    if (is({.scale = scale, .tile = tile})) {
      return "looks like: when the maximum grows, what was summed before is not scaled down";
    }
    if (is({.scale = scale, .tile = tile, .weights_rescaled = true})) {
      return "looks like: when the maximum grows, the sum of the weights is scaled down, that of the values "
             "is not";
    }
  }
  return {};
}

/// The same for the gradients, dq (B, T, H, D), dk and dv (B, T, K, D).
inline std::string explain_attention_gradients(std::span<const float> dq, std::span<const float> dk,
                                               std::span<const float> dv, const AttentionInputs& in,
                                               const AttentionShape& shape) {
  const std::vector<double> q = to_double(in.q), k = to_double(in.k), v = to_double(in.v),
                            dout = to_double(in.dout);
  const AttentionOracle forward = attention_oracle_forward(q, k, v, shape);
  const int group = shape.h / shape.kv;
  // Without delta; with the queries of one head of a group only; without the query beside its own key.
  std::vector<double> dq_no_delta(q.size()), dk_no_delta(k.size()), dv_first(k.size()), dv_last(k.size()),
      dv_later(k.size());
  std::size_t row = 0;
  for (int b = 0; b < shape.b; ++b) {
    for (int h = 0; h < shape.h; ++h) {
      for (int t = 0; t < shape.t; ++t, ++row) {
        const std::size_t query = head_at(shape, shape.h, b, t, h);
        for (int s = 0; s < shape.t; ++s) {
          const double p = forward.probabilities[row * static_cast<std::size_t>(shape.t) + s];
          const std::size_t key = head_at(shape, shape.kv, b, s, h / group);
          const double ds = static_cast<double>(shape.scale) * p * dot(&dout[query], &v[key], shape.d);
          for (int c = 0; c < shape.d; ++c) {
            dq_no_delta[query + c] += ds * k[key + c];
            dk_no_delta[key + c] += ds * q[query + c];
            if (t != s) dv_later[key + c] += p * dout[query + c];
            if (h % group == 0) dv_first[key + c] += p * dout[query + c];
            if (h % group == group - 1) dv_last[key + c] += p * dout[query + c];
          }
        }
      }
    }
  }
  if (detail::attention_looks_like(dq, dq_no_delta) || detail::attention_looks_like(dk, dk_no_delta)) {
    return "looks like: delta is missing: ds = p (dp - delta)";
  }
  if (shape.causal && detail::attention_looks_like(dv, dv_later)) {
    return "looks like: the mask is off by one: a key misses the query of its own position";
  }
  if (group > 1 &&
      (detail::attention_looks_like(dv, dv_first) || detail::attention_looks_like(dv, dv_last))) {
    return "looks like: one head's part only: dk and dv sum over all query heads of the group";
  }
  return {};
}

}  // namespace wb
