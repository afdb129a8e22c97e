#include "07_tinyllama/sample/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/core/error.h"

namespace wb {

std::vector<double> next_token_probabilities(std::span<const float> logits, const SamplerOptions& options) {
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!std::isfinite(logits[i])) {
      throw Error(
          fmt::format("sample: the logit of token {} is {}: the model's weights are damaged, or it was "
                      "trained until its loss was no number",
                      i, logits[i]));
    }
  }
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](int token) { return logits[static_cast<std::size_t>(token)]; };
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return logit(a) > logit(b); });
  std::vector<double> probabilities(logits.size());
  const auto at = [&](int token) -> double& { return probabilities[static_cast<std::size_t>(token)]; };
  if (options.temperature == 0.0) {
    at(order.front()) = 1.0;
    return probabilities;
  }

  if (options.top_k > 0 && static_cast<std::size_t>(options.top_k) < order.size()) {
    order.resize(static_cast<std::size_t>(options.top_k));
  }
  const double max = static_cast<double>(logit(order.front()));
  double sum = 0.0;
  for (const int token : order) {
    sum += at(token) = std::exp((static_cast<double>(logit(token)) - max) / options.temperature);
  }
  // Keep the likeliest until they reach p, and make what is kept add up to 1.
  double kept = 0.0;
  bool reached = false;
  for (const int token : order) {
    if (reached) {
      at(token) = 0.0;
      continue;
    }
    kept += at(token);
    reached = kept >= options.top_p * sum && options.top_p < 1.0;
  }
  for (const int token : order) at(token) /= kept;
  return probabilities;
}

Sampler::Sampler(const SamplerOptions& options) : options_(options), rng_(options.seed) {
  WB_REQUIRE(std::isfinite(options.temperature) && options.temperature >= 0.0, options.temperature);
  WB_REQUIRE(options.top_k >= 0, options.top_k);
  WB_REQUIRE(options.top_p > 0.0 && options.top_p <= 1.0, options.top_p);
}

int Sampler::next(std::span<const float> logits) {
  const std::vector<double> probabilities = next_token_probabilities(logits, options_);
  const double chosen = rng_.uniform();
  double sum = 0.0;
  int last = 0;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    if (probabilities[i] == 0.0) continue;
    last = static_cast<int>(i);
    sum += probabilities[i];
    if (chosen < sum) break;
  }
  return last;  // rounding may leave the sum just below 1
}

}  // namespace wb
