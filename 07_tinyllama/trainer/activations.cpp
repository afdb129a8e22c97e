#include "07_tinyllama/trainer/activations.h"

#include <fmt/format.h>

#include <cmath>

namespace wb {

AttentionShape attention_shape_of(const ModelConfig& config, int kv) {
  return {.b = config.b,
          .t = config.t,
          .h = config.h,
          .kv = kv,
          .d = config.d(),
          .causal = true,
          .scale = 1.0f / std::sqrt(static_cast<float>(config.d()))};
}

TensorTable activation_table(const ModelConfig& config, const AttentionMemory& attention, const KvPath& kv) {
  const std::int64_t n = config.tokens();
  const std::int64_t c = config.c;
  const std::int64_t f = config.f;
  const std::int64_t query_width = static_cast<std::int64_t>(config.h) * config.d();
  TensorTable table;
  for (int layer = 0; layer < config.l; ++layer) {
    const std::string prefix = fmt::format("layers.{}.", layer);
    table.add(prefix + "input", {n, c});
    table.add(prefix + "input_norm", {n, c});
    table.add(prefix + "input_rstd", {n});
    table.add(prefix + "q", {n, query_width});
    table.add(prefix + "attention_saved", {static_cast<std::int64_t>(attention.saved)});
    table.add(prefix + "attention", {n, query_width});
    table.add(prefix + "middle", {n, c});
    table.add(prefix + "middle_norm", {n, c});
    table.add(prefix + "middle_rstd", {n});
    table.add(prefix + "gate", {n, f});
    table.add(prefix + "up", {n, f});
    table.add(prefix + "product", {n, f});
  }
  table.add("output", {n, c});
  table.add("output_norm", {n, c});
  table.add("output_rstd", {n});
  table.add("logits", {n, config.v});
  table.add("lse", {n});
  table.add("losses", {n});
  table.add("branch", {n, c});

  table.add("dresidual", {n, c});
  table.add("dnorm", {n, c});
  table.add("dproduct", {n, f});
  table.add("dgate", {n, f});
  table.add("dup", {n, f});
  table.add("dattention", {n, query_width});
  table.add("dq", {n, query_width});
  table.add("attention_scratch", {static_cast<std::int64_t>(attention.scratch)});
  table.add("rmsnorm_scratch", {static_cast<std::int64_t>(rmsnorm_backward_scratch(config.c))});
  kv.reserve(table);
  return table;
}

Activations activations_of(Arena& arena, const ModelConfig& config) {
  Activations result;
  for (int layer = 0; layer < config.l; ++layer) {
    const std::string prefix = fmt::format("layers.{}.", layer);
    result.layers.push_back({
        .input = arena.at(prefix + "input"),
        .input_norm = arena.at(prefix + "input_norm"),
        .input_rstd = arena.at(prefix + "input_rstd"),
        .q = arena.at(prefix + "q"),
        .attention_saved = arena.at(prefix + "attention_saved"),
        .attention = arena.at(prefix + "attention"),
        .middle = arena.at(prefix + "middle"),
        .middle_norm = arena.at(prefix + "middle_norm"),
        .middle_rstd = arena.at(prefix + "middle_rstd"),
        .gate = arena.at(prefix + "gate"),
        .up = arena.at(prefix + "up"),
        .product = arena.at(prefix + "product"),
    });
  }
  result.output = arena.at("output");
  result.output_norm = arena.at("output_norm");
  result.output_rstd = arena.at("output_rstd");
  result.logits = arena.at("logits");
  result.lse = arena.at("lse");
  result.losses = arena.at("losses");
  result.branch = arena.at("branch");
  result.dresidual = arena.at("dresidual");
  result.dnorm = arena.at("dnorm");
  result.dproduct = arena.at("dproduct");
  result.dgate = arena.at("dgate");
  result.dup = arena.at("dup");
  result.dattention = arena.at("dattention");
  result.dq = arena.at("dq");
  result.attention_scratch = arena.at("attention_scratch");
  result.rmsnorm_scratch = arena.at("rmsnorm_scratch");
  return result;
}

}  // namespace wb
