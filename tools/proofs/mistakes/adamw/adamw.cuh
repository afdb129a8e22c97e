// What the wrong kernels of AdamW share: the update of one parameter.
#pragma once

#include <cmath>
#include <cstdint>

#include "07_tinyllama/adamw_check.h"
#include "common/core/registry.h"

namespace wb::mistake {

inline constexpr int kThreads = 256;

struct Factors {
  float keep, step_size, second_root, beta1, beta2, epsilon;
};
inline Factors factors_of(const AdamWConfig& config, int step) {
  return {1.0f - config.learning_rate * config.weight_decay,
          static_cast<float>(config.learning_rate / (1.0 - std::pow(config.beta1, step))),
          static_cast<float>(std::sqrt(1.0 - std::pow(config.beta2, step))),
          config.beta1,
          config.beta2,
          config.epsilon};
}

/// The parameter, from its moments as they are after this step.
__device__ inline float stepped(float parameter, float m, float v, const Factors& f) {
  return parameter * f.keep - f.step_size * m / (sqrtf(v) / f.second_root + f.epsilon);
}

}  // namespace wb::mistake
