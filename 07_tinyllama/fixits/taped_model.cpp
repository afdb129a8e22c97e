#include "07_tinyllama/fixits/taped_model.h"

#include "common/core/rng.h"

namespace wb {
namespace {

std::string layer_name(int layer, const char* name) {
  return "layers." + std::to_string(layer) + "." + name;
}

TensorTable taped_parameters(const ModelConfig& config) {
  const std::int64_t c = config.c, f = config.f;
  TensorTable table;
  table.add("embed_tokens", {config.v, c});
  for (int layer = 0; layer < config.l; ++layer) {
    table.add(layer_name(layer, "norm"), {c});
    table.add(layer_name(layer, "gate_proj"), {f, c});
    table.add(layer_name(layer, "up_proj"), {f, c});
    table.add(layer_name(layer, "down_proj"), {c, f});
  }
  table.add("norm", {c});
  return table;
}

TensorTable taped_activations(const ModelConfig& config) {
  const std::int64_t n = config.tokens(), c = config.c, f = config.f;
  TensorTable table;
  for (int layer = 0; layer < config.l; ++layer) {
    for (const char* name : {"input", "normed", "branch"}) table.add(layer_name(layer, name), {n, c});
    for (const char* name : {"gate", "up", "product"}) table.add(layer_name(layer, name), {n, f});
    table.add(layer_name(layer, "rstd"), {n});
  }
  for (const char* name : {"output", "output_norm", "dx"}) table.add(name, {n, c});
  for (const char* name : {"output_rstd", "lse", "losses"}) table.add(name, {n});
  table.add("logits", {n, config.v});
  table.add("norm_scratch", {static_cast<std::int64_t>(rmsnorm_backward_scratch(config.c))});
  return table;
}

}  // namespace

TapedModel::TapedModel(const ModelConfig& shape, std::uint64_t seed, float std)
    : config(shape),
      kernels(select_kernels("auto")),
      parameters(taped_parameters(shape)),
      parameter_gradients(taped_parameters(shape)),
      activations(taped_activations(shape)),
      activation_gradients(taped_activations(shape)) {
  const auto parameter = [this](const std::string& name) {
    return Tensor{parameters.at(name), parameter_gradients.at(name)};
  };
  const auto activation = [this](const std::string& name) {
    return Tensor{activations.at(name), activation_gradients.at(name)};
  };
  embedding = parameter("embed_tokens");
  norm = parameter("norm");
  for (int i = 0; i < config.l; ++i) {
    layers.push_back({.norm_weight = parameter(layer_name(i, "norm")),
                      .gate_proj = parameter(layer_name(i, "gate_proj")),
                      .up_proj = parameter(layer_name(i, "up_proj")),
                      .down_proj = parameter(layer_name(i, "down_proj")),
                      .input = activation(layer_name(i, "input")),
                      .normed = activation(layer_name(i, "normed")),
                      .gate = activation(layer_name(i, "gate")),
                      .up = activation(layer_name(i, "up")),
                      .product = activation(layer_name(i, "product")),
                      .branch = activation(layer_name(i, "branch")),
                      .rstd = activations.at(layer_name(i, "rstd"))});
  }
  output = activation("output");
  output_norm = activation("output_norm");
  logits = activation("logits");
  output_rstd = activations.at("output_rstd");
  lse = activations.at("lse");
  losses = activations.at("losses");
  dx = activations.at("dx");
  norm_scratch = activations.at("norm_scratch");

  Rng seeds(seed);
  for (const TensorEntry& entry : parameters.table().entries()) {
    const auto count = static_cast<std::size_t>(entry.elements());
    const bool is_norm = entry.shape.size() == 1;
    parameters.upload(entry.name, is_norm ? std::vector<float>(count, 1.0f)
                                          : random_normal(count, seeds.next(), 0.0f, std));
  }
}

void TapedModel::zero_gradients() {
  parameter_gradients.zero(nullptr);
  activation_gradients.zero(nullptr);
}

}  // namespace wb
