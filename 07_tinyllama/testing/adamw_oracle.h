// AdamW in double, right and with the mistakes that its readers make.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "07_tinyllama/adamw.h"
#include "07_tinyllama/testing/suspects.h"

namespace wb {

enum class AdamWMistake {
  kNone,
  kNoBiasCorrection,
  kDecayInGradient,
  kEpsilonInRoot,
  kStepFromZero,
  kNoDecay,
  kNoRoot,
};

struct AdamWOracle {
  std::vector<double> p, m, v;
  AdamWMistake mistake = AdamWMistake::kNone;

  explicit AdamWOracle(std::span<const float> parameters, AdamWMistake with = AdamWMistake::kNone)
      : p(parameters.begin(), parameters.end()), m(p.size()), v(p.size()), mistake(with) {}

  void step(std::span<const float> gradients, const AdamWConfig& config, int step) {
    // The factors as the float configuration has them: 0.999f is not 0.999.
    const double b1 = config.beta1, b2 = config.beta2, lr = config.learning_rate;
    const bool coupled = mistake == AdamWMistake::kDecayInGradient;
    const bool decays = !coupled && mistake != AdamWMistake::kNoDecay;
    double correct1 = 1.0 - std::pow(b1, step), correct2 = 1.0 - std::pow(b2, step);
    if (mistake == AdamWMistake::kNoBiasCorrection) correct1 = correct2 = 1.0;
    if (mistake ==
        AdamWMistake::kStepFromZero) {  // with the denominators kept from being 0 in the first step
      correct1 = 1.0 - std::pow(b1, step + 1);
      correct2 = 1.0 - std::pow(b2, step + 1);
    }
    for (std::size_t i = 0; i < p.size(); ++i) {
      double g = gradients[i];
      if (coupled) g += config.weight_decay * p[i];
      if (decays) p[i] -= lr * config.weight_decay * p[i];
      m[i] = b1 * m[i] + (1.0 - b1) * g;
      v[i] = b2 * v[i] + (1.0 - b2) * g * g;
      const double second = v[i] / correct2;
      double denominator = std::sqrt(second) + config.epsilon;
      if (mistake == AdamWMistake::kEpsilonInRoot) denominator = std::sqrt(second + config.epsilon);
      if (mistake == AdamWMistake::kNoRoot) denominator = second + config.epsilon;
      p[i] -= lr * (m[i] / correct1) / denominator;
    }
  }
};

/// Names the mistake behind wrong parameters after one step from m = v = 0; empty where none of those known
/// fits.
inline std::string explain_adamw(std::span<const float> got, std::span<const float> before,
                                 std::span<const float> gradients, const AdamWConfig& config, int step,
                                 const Tolerance& tolerance) {
  const std::pair<AdamWMistake, const char*> known[] = {
      {AdamWMistake::kNoBiasCorrection, "the moments are not divided by 1 - beta^step"},
      {AdamWMistake::kStepFromZero, "the bias corrections use step + 1: steps count from 1 already"},
      {AdamWMistake::kDecayInGradient, "weight decay is added to the gradient. That is Adam with L2"},
      {AdamWMistake::kEpsilonInRoot, "epsilon is under the root. It is added to the root"},
      {AdamWMistake::kNoRoot, "the step is divided by the second moment, not by its root"},
      {AdamWMistake::kNoDecay, "parameters do not decay"},
  };
  std::vector<Suspect> suspects;
  for (const auto& [mistake, sentence] : known) {
    AdamWOracle wrong(before, mistake);
    wrong.step(gradients, config, step);
    suspects.push_back({wrong.p, sentence});
  }
  AdamWOracle right(before);
  right.step(gradients, config, step);
  return explain_by(suspects, got, right.p, tolerance);
}

}  // namespace wb
