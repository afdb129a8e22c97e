// Component: the way of keys and values from a layer's input to attention, and of their gradients back.
#pragma once

#include <memory>

#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/kv_layout.h"

namespace wb {

/// A KvPath<float> (kv_layout.h) for a model of this configuration.
struct MakeKvPath {
  static constexpr const char* kName = "kv_path";
  using Function = std::unique_ptr<KvPath<float>>(const ModelConfig& config);
};

}  // namespace wb
