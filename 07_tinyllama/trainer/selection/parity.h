// Loss parity: does a model with another kernel in it still learn the same?
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "07_tinyllama/trainer/selection/problem.h"

namespace wb {

struct ParityOptions {
  int steps = 3;
  std::uint64_t seed = 1;  // of weights and data
  double loss = 1e-5;      // allowed |loss - reference| / |reference|
  double gradient = 1e-3;  // allowed ||g - reference|| / ||reference|| of each tensor's gradient
  double update = 1e-3;    // allowed of each tensor after the optimizer's step
};
/// In bf16 two right kernels round differently, and every layer passes that on.
ParityOptions parity_options(Precision precision);

struct ParityStep {
  double loss = 0.0;
  double reference_loss = 0.0;
  double worst_gradient = 0.0;  // relative difference
  std::string worst_tensor;     // where
  double worst_update = 0.0;
  std::string worst_update_tensor;
};

struct Parity {
  std::vector<ParityStep> steps;  // up to the first one that failed
  int batch = 0;                  // sequences: fewer than the run's where two models of it have no room
  std::string failure;            // empty: parity holds
};

/// Trains two models from the same weights on the same data, one with the kernels of `request`, one with
/// those of `reference`; after each step the reference's parameters are copied to the other one. Errors: what
/// a model throws, from the kernels of `request` too.
Parity check_parity(const Setting& setting, std::string_view request, std::string_view reference,
                    const ParityOptions& options);

/// "step 1: loss 6.9107, 6.9107 with `solution`; largest gradient difference 3.1e-07 (layers.0...)", a line a
/// step.
std::string describe(const Parity& parity);

void to_json(nlohmann::json& json, const Parity& parity);
void from_json(const nlohmann::json& json, Parity& parity);
void to_json(nlohmann::json& json, const ParityOptions& options);
void from_json(const nlohmann::json& json, ParityOptions& options);

}  // namespace wb
