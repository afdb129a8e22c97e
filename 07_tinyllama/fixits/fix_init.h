// Component: how the parameters of a model start. Model, arenas and names are those of the trainer.
#pragma once

#include <cstdint>

#include "07_tinyllama/trainer/arena.h"

namespace wb {

/// Fills every tensor of the parameters (parameter_table, arena.h). Tensors of one dimension are weights of a
/// norm; the others are matrices. The embedding, model.embed_tokens.weight (V, C), is also the output matrix:
/// logits = x E^T. The same seed gives the same parameters. Waits.
struct InitializeParameters {
  static constexpr const char* kName = "initialize_parameters";
  using Function = void(Arena& parameters, std::uint64_t seed);
};

}  // namespace wb
