// From logits to the next token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/core/rng.h"

namespace wb {

struct SamplerOptions {
  double temperature = 1.0;  // divides the logits; 0: always the likeliest token
  int top_k = 0;             // only the k likeliest tokens; 0: all
  double top_p = 1.0;        // of those, the fewest whose probabilities reach p; 1: all
  std::uint64_t seed = 1;
};

/// Probabilities (V) of the next token under these options, 0 for those that cannot be chosen. Ties go to the
/// lower token. Errors: logits that are not finite throw wb::Error.
std::vector<double> next_token_probabilities(std::span<const float> logits, const SamplerOptions& options);

class Sampler {
 public:
  /// Errors: a temperature < 0, top_k < 0, top_p outside (0, 1], or NaN throws wb::Error.
  explicit Sampler(const SamplerOptions& options);
  /// The same seed and the same logits give the same tokens.
  int next(std::span<const float> logits);  // (V)

 private:
  SamplerOptions options_;
  Rng rng_;
};

}  // namespace wb
