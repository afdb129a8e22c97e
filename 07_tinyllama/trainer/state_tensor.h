// What a training run keeps beside its parameters, as a list: the optimizer's tensors under names of their
// own.
#pragma once

#include <string>
#include <vector>

#include "07_tinyllama/trainer/arena.h"

namespace wb {

/// fp32, on the device, without padding between its elements.
struct StateTensor {
  std::string name;                 // "first_moment/model.norm.weight"
  std::vector<std::int64_t> shape;  // as of the parameter it belongs to
  float* data = nullptr;            // (shape)
};

/// Adds every tensor of an arena as "PREFIX/NAME".
inline void append_state(std::vector<StateTensor>& state, const std::string& prefix, Arena& arena) {
  for (const TensorEntry& entry : arena.table().entries()) {
    state.push_back({prefix + "/" + entry.name, entry.shape, arena.data() + entry.offset});
  }
}

}  // namespace wb
