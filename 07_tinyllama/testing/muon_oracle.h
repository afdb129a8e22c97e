// Muon in double, right and with the mistakes that its readers make.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "02_matmul/testing/newton_schulz_oracle.h"
#include "07_tinyllama/muon.h"
#include "07_tinyllama/testing/suspects.h"

namespace wb {

enum class MuonMistake {
  kNone,
  kNoNesterov,
  kNotOrthogonalized,
  kNoScale,
  kScaleUpsideDown,
  kDecayInGradient,
  kDecayOfTheScaled,
};

/// The parameters and momentum of a matrix (R, C).
struct MuonOracle {
  std::vector<double> p, m;
  int r, c;
  bool orthogonalizes = true;  // tests may take something else in its place: then u itself is the step
  MuonMistake mistake = MuonMistake::kNone;

  void step(std::span<const float> gradients, const MuonConfig& config) {
    const double mu = config.momentum, lr = config.learning_rate, decay = config.weight_decay;
    std::vector<float> update(p.size());
    for (std::size_t i = 0; i < p.size(); ++i) {
      double g = gradients[i];
      if (mistake == MuonMistake::kDecayInGradient) g += decay * p[i];
      m[i] = mu * m[i] + g;
      update[i] = static_cast<float>(mistake == MuonMistake::kNoNesterov ? m[i] : g + mu * m[i]);
    }
    std::vector<double> direction(update.begin(), update.end());
    if (orthogonalizes && mistake != MuonMistake::kNotOrthogonalized) {
      direction = newton_schulz_oracle(update, r, c, kNewtonSchulzSteps);
    }
    double scale = std::sqrt(std::max(1.0, static_cast<double>(r) / c));
    if (mistake == MuonMistake::kNoScale) scale = 1.0;
    if (mistake == MuonMistake::kScaleUpsideDown)
      scale = std::sqrt(std::max(1.0, static_cast<double>(c) / r));
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (mistake == MuonMistake::kDecayInGradient) {
        p[i] -= lr * scale * direction[i];
      } else if (mistake == MuonMistake::kDecayOfTheScaled) {
        p[i] -= lr * scale * (direction[i] + decay * p[i]);
      } else {
        p[i] -= lr * (scale * direction[i] + decay * p[i]);
      }
    }
  }
};

/// Names the mistake behind parameters that are wrong after one step from `before`; empty where none of those
/// known fits.
inline std::string explain_muon(std::span<const float> got, const MuonOracle& before,
                                std::span<const float> gradients, const MuonConfig& config,
                                const Tolerance& tolerance) {
  const std::pair<MuonMistake, const char*> known[] = {
      {MuonMistake::kNoNesterov, "the update is m, without Nesterov's look ahead: u = g + mu m"},
      {MuonMistake::kNotOrthogonalized, "the update is not orthogonalized"},
      {MuonMistake::kNoScale, "a tall matrix is not scaled by sqrt(R / C)"},
      {MuonMistake::kScaleUpsideDown, "the scale is sqrt(C / R). It belongs to tall matrices: sqrt(R / C)"},
      {MuonMistake::kDecayInGradient, "weight decay is added to the gradient, and orthogonalized with it"},
      {MuonMistake::kDecayOfTheScaled, "the scale multiplies weight decay as well"},
  };
  std::vector<Suspect> suspects;
  for (const auto& [mistake, sentence] : known) {
    MuonOracle wrong = before;
    wrong.mistake = mistake;
    wrong.step(gradients, config);
    suspects.push_back({wrong.p, sentence});
  }
  MuonOracle right = before;
  right.step(gradients, config);
  return explain_by(suspects, got, right.p, tolerance);
}

}  // namespace wb
