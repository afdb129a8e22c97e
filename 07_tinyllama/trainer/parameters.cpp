// The parameters of a Llama: names and shapes once, then pointers by name.
#include <fmt/format.h>

#include "07_tinyllama/trainer/arena.h"
#include "common/core/bf16.h"

namespace wb {
namespace {

std::string layer_prefix(int layer) {
  return fmt::format("model.layers.{}.", layer);
}

}  // namespace

TensorTable parameter_table(const ModelConfig& config) {
  const std::int64_t c = config.c;
  const std::int64_t f = config.f;
  const std::int64_t query_width = static_cast<std::int64_t>(config.h) * config.d();
  const std::int64_t kv_width = static_cast<std::int64_t>(config.k) * config.d();
  TensorTable table;
  table.add("model.embed_tokens.weight", {config.v, c});
  for (int layer = 0; layer < config.l; ++layer) {
    const std::string prefix = layer_prefix(layer);
    table.add(prefix + "self_attn.q_proj.weight", {query_width, c});
    table.add(prefix + "self_attn.k_proj.weight", {kv_width, c});
    table.add(prefix + "self_attn.v_proj.weight", {kv_width, c});
    table.add(prefix + "self_attn.o_proj.weight", {c, query_width});
    table.add(prefix + "mlp.gate_proj.weight", {f, c});
    table.add(prefix + "mlp.up_proj.weight", {f, c});
    table.add(prefix + "mlp.down_proj.weight", {c, f});
  }
  for (int layer = 0; layer < config.l; ++layer) {
    const std::string prefix = layer_prefix(layer);
    table.add(prefix + "input_layernorm.weight", {c});
    table.add(prefix + "post_attention_layernorm.weight", {c});
  }
  table.add("model.norm.weight", {c});
  return table;
}

template <class T>
ModelWeights<T> weights_of(T* memory, const TensorTable& table, const ModelConfig& config) {
  const auto at = [&](const std::string& name) { return memory + table.at(name).offset; };
  ModelWeights<T> weights;
  weights.embedding = at("model.embed_tokens.weight");
  for (int layer = 0; layer < config.l; ++layer) {
    const std::string prefix = layer_prefix(layer);
    weights.layers.push_back({
        .input_norm = at(prefix + "input_layernorm.weight"),
        .q_proj = at(prefix + "self_attn.q_proj.weight"),
        .k_proj = at(prefix + "self_attn.k_proj.weight"),
        .v_proj = at(prefix + "self_attn.v_proj.weight"),
        .o_proj = at(prefix + "self_attn.o_proj.weight"),
        .attention_norm = at(prefix + "post_attention_layernorm.weight"),
        .gate_proj = at(prefix + "mlp.gate_proj.weight"),
        .up_proj = at(prefix + "mlp.up_proj.weight"),
        .down_proj = at(prefix + "mlp.down_proj.weight"),
    });
  }
  weights.norm = at("model.norm.weight");
  return weights;
}

template ModelWeights<float> weights_of(float*, const TensorTable&, const ModelConfig&);
template ModelWeights<bf16> weights_of(bf16*, const TensorTable&, const ModelConfig&);

}  // namespace wb
