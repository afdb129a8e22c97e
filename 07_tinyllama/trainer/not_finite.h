// Which tensor went wrong first, when a loss or a gradient is not finite.
#pragma once

#include <cstdint>
#include <string>

#include "07_tinyllama/trainer/trainer.h"

namespace wb {

struct NotFinite {
  std::string kind;  // "parameter", "activation" or "gradient"; empty: everything is finite
  std::string name;  // of the tensor
  std::int64_t bad = 0;
  std::int64_t elements = 0;
};

/// Checks the parameters, then runs the batches of a step once more and checks activations in forward order
/// and gradients in the order in which the backward pass computes them. Overwrites activations and gradients.
/// Waits. Errors: inside a step of the trainer throws wb::Error.
NotFinite find_not_finite(Trainer& trainer, int step);

/// "activation layers.1.gate (12 of 262,144 elements)"
std::string describe(const NotFinite& found);

/// Whether every parameter is finite; one float is copied. Waits.
bool parameters_are_finite(Trainer& trainer);

}  // namespace wb
