// The golden file of tools/golden/make_model_golden.py, and the model it belongs to.
#pragma once

#include <string>
#include <vector>

#include "07_tinyllama/adamw.h"
#include "07_tinyllama/trainer/checkpoint/safetensors.h"
#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/model.h"

namespace wb {

struct ModelGolden {
  Safetensors tensors = read_safetensors(WB_GOLDEN_DIR "/model.safetensors");

  ModelConfig config() const {
    const std::vector<double> v = tensors.at("config").as_double();
    const auto whole = [&](std::size_t i) { return static_cast<int>(v.at(i)); };
    return {.c = whole(0),
            .l = whole(1),
            .h = whole(2),
            .k = whole(3),
            .f = whole(4),
            .v = whole(5),
            .b = whole(6),
            .t = whole(7),
            .rope_base = v.at(8),
            .epsilon = static_cast<float>(v.at(9))};
  }
  AdamWConfig adamw() const {
    const std::vector<float> v = tensors.at("adamw").as_float();
    return {.learning_rate = v.at(0),
            .beta1 = v.at(1),
            .beta2 = v.at(2),
            .epsilon = v.at(3),
            .weight_decay = v.at(4)};
  }
  std::vector<int> tokens() const { return tensors.at("tokens").as_int(); }
  std::vector<int> targets() const { return tensors.at("targets").as_int(); }
  double loss() const { return tensors.at("loss").as_double().at(0); }
  std::vector<double> curve() const { return tensors.at("curve").as_double(); }
  std::vector<double> curve_bf16() const { return tensors.at("curve_bf16").as_double(); }
  std::vector<double> gradient(const std::string& name) const {
    return tensors.at("gradient/" + name).as_double();
  }

  /// Every parameter; the file must have all, with the same shapes.
  void load_weights(Arena& parameters) const {
    for (const TensorEntry& entry : parameters.table().entries()) {
      const StoredTensor& stored = tensors.at("weight/" + entry.name);
      if (stored.shape != entry.shape) throw Error("golden file: another shape of " + entry.name);
      parameters.upload(entry.name, stored.as_float());
    }
  }
};

}  // namespace wb
