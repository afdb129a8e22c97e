// Cross entropy in plain loops and double, and what its usual mistakes would give.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "07_tinyllama/testing/suspects.h"

namespace wb {

struct CrossEntropyOutputs {
  std::vector<double> losses, lse;
};

inline CrossEntropyOutputs cross_entropy_oracle(std::span<const double> logits,
                                                const std::vector<int>& targets) {
  CrossEntropyOutputs result;
  const std::size_t v = logits.size() / targets.size();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto row = logits.subspan(i * v, v);
    const double maximum = *std::max_element(row.begin(), row.end());
    double sum = 0.0;
    for (const double logit : row) sum += std::exp(logit - maximum);
    result.lse.push_back(maximum + std::log(sum));
    result.losses.push_back(result.lse.back() - row[static_cast<std::size_t>(targets[i])]);
  }
  return result;
}

inline std::vector<double> cross_entropy_backward_oracle(std::span<const double> logits,
                                                         const std::vector<int>& targets,
                                                         std::span<const double> lse, double dloss) {
  std::vector<double> dlogits(logits.size());
  const std::size_t v = logits.size() / targets.size();
  for (std::size_t i = 0; i < dlogits.size(); ++i) {
    const bool is_target = static_cast<std::size_t>(targets[i / v]) == i % v;
    dlogits[i] = dloss * (std::exp(logits[i] - lse[i / v]) - (is_target ? 1.0 : 0.0));
  }
  return dlogits;
}

/// Names the mistake behind a wrong lse of n rows; empty where none of those known fits.
inline std::string explain_lse(std::span<const float> lse, std::span<const double> logits, std::size_t n,
                               const Tolerance& tolerance) {
  const std::size_t v = logits.size() / n;
  // log sum exp(logit - maximum) of those columns of each row that `counts` lets in, and the maximum of all.
  const auto of = [&](bool add_maximum, auto counts) {
    std::vector<double> result;
    for (std::size_t i = 0; i < n; ++i) {
      const auto row = logits.subspan(i * v, v);
      const double maximum = *std::max_element(row.begin(), row.end());
      double sum = 0.0;
      for (std::size_t j = 0; j < v; ++j) sum += counts(j) ? std::exp(row[j] - maximum) : 0.0;
      result.push_back(std::log(sum) + (add_maximum ? maximum : 0.0));
    }
    return result;
  };
  const auto all = [](std::size_t) { return true; };
  std::vector<Suspect> suspects = {{of(false, all), "the maximum is not added again outside log"}};
  for (std::size_t threads = 32; threads <= 1024; threads *= 2) {
    suspects.push_back({of(true, [=](std::size_t j) { return j < threads; }),
                        "one logit per thread. A loop takes every blockDim.x-th of the row's logits"});
    suspects.push_back({of(true, [=](std::size_t j) { return j % threads == 0; }),
                        "the sum of thread 0 alone. block_sum adds up those of all threads"});
  }
  return explain_by(suspects, lse, of(true, all), tolerance);
}

/// Names the mistake behind wrong losses; empty where none of those known fits.
inline std::string explain_losses(std::span<const float> losses, std::span<const double> logits,
                                  const std::vector<int>& targets, const Tolerance& tolerance) {
  const CrossEntropyOutputs right = cross_entropy_oracle(logits, targets);
  const std::size_t v = logits.size() / targets.size();
  std::vector<double> logit(targets.size()), of_first(targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    logit[i] = -logits[i * v + static_cast<std::size_t>(targets[i])];
    of_first[i] = right.lse[i] - logits[static_cast<std::size_t>(targets[i])];
  }
  return explain_by({{right.lse, "the loss is lse. The target's logit is not subtracted"},
                     {logit, "the loss is minus the target's logit. lse is missing"},
                     {of_first, "every row takes its target's logit from row 0: the row's start is missing"}},
                    losses, right.losses, tolerance);
}

/// The same for dlogits.
inline std::string explain_dlogits(std::span<const float> dlogits, std::span<const double> logits,
                                   const std::vector<int>& targets, std::span<const double> lse, double dloss,
                                   const Tolerance& tolerance) {
  const auto right = cross_entropy_backward_oracle(logits, targets, lse, dloss);
  const std::size_t v = logits.size() / targets.size();
  std::vector<double> softmax(right), unscaled(right), half_scaled(right), negative(right);
  for (std::size_t i = 0; i < right.size(); ++i) {
    const double probability = std::exp(logits[i] - lse[i / v]);
    const bool is_target = static_cast<std::size_t>(targets[i / v]) == i % v;
    softmax[i] = dloss * probability;
    unscaled[i] = right[i] / dloss;
    half_scaled[i] = dloss * probability - (is_target ? 1.0 : 0.0);
    negative[i] = -right[i];
  }
  return explain_by(
      {{softmax, "dlogits is the probability alone: 1 is not subtracted at the target"},
       {unscaled, "dlogits is not multiplied by dloss: for a mean loss it must be divided by N"},
       {half_scaled, "dloss multiplies the probability but not the 1 at the target"},
       {negative, "the sign is wrong: a step against the gradient must lower the loss"}},
      dlogits, right, tolerance);
}

}  // namespace wb
