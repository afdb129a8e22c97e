// repeat_kv as plain loops, and what wrong results look like they were copied from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "05_rmsnorm_rope/testing/heads_layouts.h"
#include "common/harness/matcher.h"

namespace wb {

struct RepeatKvSizes {
  int b, t, h, k, d;

  HeadsShape view() const { return {b, t, k, d}; }
  std::size_t repeated() const { return HeadsShape{b, t, h, d}.size(); }
  std::string text() const {
    return "b = " + std::to_string(b) + ", t = " + std::to_string(t) + ", heads " + std::to_string(h) +
           " of " + std::to_string(k) + ", d = " + std::to_string(d);
  }
};

/// Calls visit(index into (B, H, T, D), index into (B, T, K, D)) for every element of the former, where
/// head_of(h) is the head of K that head h of H is a copy of.
template <class HeadOf, class Visit>
void for_each_copy(const RepeatKvSizes& sizes, HeadOf head_of, Visit visit) {
  const auto [b, t, h, k, d] = sizes;
  std::size_t index = 0;
  for (int batch = 0; batch < b; ++batch) {
    for (int head = 0; head < h; ++head) {
      for (int position = 0; position < t; ++position) {
        const std::int64_t row = (static_cast<std::int64_t>(batch) * t + position) * k + head_of(head);
        for (int i = 0; i < d; ++i) visit(index++, static_cast<std::size_t>(row * d + i));
      }
    }
  }
}

/// x (B, T, K, D), token-major, to y (B, H, T, D).
inline std::vector<double> repeat_kv_oracle(std::span<const double> x, const RepeatKvSizes& sizes) {
  std::vector<double> y(sizes.repeated());
  for_each_copy(
      sizes, [&](int head) { return head / (sizes.h / sizes.k); },
      [&](std::size_t copy, std::size_t original) { y[copy] = x[original]; });
  return y;
}

/// dy (B, H, T, D) to dx (B, T, K, D), token-major.
inline std::vector<double> repeat_kv_backward_oracle(std::span<const double> dy, const RepeatKvSizes& sizes) {
  std::vector<double> dx(sizes.view().size());
  for_each_copy(
      sizes, [&](int head) { return head / (sizes.h / sizes.k); },
      [&](std::size_t copy, std::size_t original) { dx[original] += dy[copy]; });
  return dx;
}

/// Names the mistake behind y; empty where none of those known fits. `storage` is x as it lies in memory.
inline std::string explain_repeat_kv(std::span<const float> y, std::span<const double> x,
                                     std::span<const float> storage, const RepeatKvSizes& sizes) {
  const auto looks_like = [&](std::span<const double> suspect) { return bool(matches(y, suspect, {0, 0})); };
  const auto [b, t, h, k, d] = sizes;
  if (looks_like(repeat_kv_oracle(x, sizes))) return "";

  std::vector<double> tiled(y.size()), token_major(y.size());
  for_each_copy(
      sizes, [&](int head) { return head % sizes.k; },
      [&](std::size_t copy, std::size_t original) { tiled[copy] = x[original]; });
  if (looks_like(tiled)) {
    return "looks like: head h is a copy of head h % K. Neighbors share a head: h / (H / K)";
  }
  std::size_t copy = 0;
  for (int row = 0; row < b * t; ++row) {
    for (int head = 0; head < h; ++head) {
      for (int i = 0; i < d; ++i) {
        const int original = (row * k + head / (h / k)) * d + i;
        token_major[copy++] = x[static_cast<std::size_t>(original)];
      }
    }
  }
  if (looks_like(token_major)) {
    return "looks like: y is written as (B, T, H, D). It is head-major: (B, H, T, D)";
  }
  const std::vector<double> stored = to_double(storage.first(x.size()));
  if (looks_like(repeat_kv_oracle(stored, sizes))) {
    return "looks like: x was read as if it were contiguous and token-major. Use the view's strides";
  }
  return "";
}

/// The same for dx.
inline std::string explain_repeat_kv_backward(std::span<const float> dx, std::span<const double> dy,
                                              const RepeatKvSizes& sizes) {
  std::vector<double> one(dx.size());
  const int group = sizes.h / sizes.k;
  if (matches(dx, repeat_kv_backward_oracle(dy, sizes), {2e-6, 1e-6})) return "";
  for (int member = 0; member < group; ++member) {
    int head_now = 0;
    for_each_copy(
        sizes,
        [&](int head) {
          head_now = head;
          return head / group;
        },
        [&](std::size_t copy, std::size_t original) {
          if (head_now % group == member) one[original] = dy[copy];
        });
    if (group > 1 && matches(dx, one, {0, 0})) {
      return "looks like: only one head of each group of H / K. The gradient is the sum over all of them";
    }
  }
  return "";
}

}  // namespace wb
