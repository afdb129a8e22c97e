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

template <class T>
TensorTable activation_table(const ModelConfig& config, const AttentionMemory& attention,
                             const KvPath<T>& kv) {
  const std::int64_t n = config.tokens();
  const std::int64_t c = config.c;
  const std::int64_t f = config.f;
  const std::int64_t query_width = static_cast<std::int64_t>(config.h) * config.d();
  TensorTable table;
  for (int layer = 0; layer < config.l; ++layer) {
    const std::string prefix = fmt::format("layers.{}.", layer);
    table.add(prefix + "input", {n, c}, sizeof(T));
    table.add(prefix + "input_norm", {n, c}, sizeof(T));
    table.add(prefix + "input_rstd", {n});
    table.add(prefix + "q", {n, query_width}, sizeof(T));
    table.add(prefix + "attention_saved", {static_cast<std::int64_t>(attention.saved)});
    table.add(prefix + "attention", {n, query_width}, sizeof(T));
    table.add(prefix + "middle", {n, c}, sizeof(T));
    table.add(prefix + "middle_norm", {n, c}, sizeof(T));
    table.add(prefix + "middle_rstd", {n});
    table.add(prefix + "gate", {n, f}, sizeof(T));
    table.add(prefix + "up", {n, f}, sizeof(T));
    table.add(prefix + "product", {n, f}, sizeof(T));
  }
  table.add("output", {n, c}, sizeof(T));
  table.add("output_norm", {n, c}, sizeof(T));
  table.add("output_rstd", {n});
  table.add("logits", {n, config.v}, sizeof(T));
  table.add("lse", {n});
  table.add("losses", {n});
  table.add("branch", {n, c}, sizeof(T));

  table.add("dresidual", {n, c}, sizeof(T));
  table.add("dnorm", {n, c}, sizeof(T));
  table.add("dproduct", {n, f}, sizeof(T));
  table.add("dgate", {n, f}, sizeof(T));
  table.add("dup", {n, f}, sizeof(T));
  table.add("dattention", {n, query_width}, sizeof(T));
  table.add("dq", {n, query_width}, sizeof(T));
  table.add("attention_scratch", {static_cast<std::int64_t>(attention.scratch)});
  table.add("rmsnorm_scratch", {static_cast<std::int64_t>(rmsnorm_backward_scratch(config.c))});
  kv.reserve(table);
  return table;
}

template <class T>
Activations<T> activations_of(Arena& arena, const ModelConfig& config) {
  Activations<T> result;
  for (int layer = 0; layer < config.l; ++layer) {
    const std::string prefix = fmt::format("layers.{}.", layer);
    result.layers.push_back({
        .input = arena.at<T>(prefix + "input"),
        .input_norm = arena.at<T>(prefix + "input_norm"),
        .input_rstd = arena.at(prefix + "input_rstd"),
        .q = arena.at<T>(prefix + "q"),
        .attention_saved = arena.at(prefix + "attention_saved"),
        .attention = arena.at<T>(prefix + "attention"),
        .middle = arena.at<T>(prefix + "middle"),
        .middle_norm = arena.at<T>(prefix + "middle_norm"),
        .middle_rstd = arena.at(prefix + "middle_rstd"),
        .gate = arena.at<T>(prefix + "gate"),
        .up = arena.at<T>(prefix + "up"),
        .product = arena.at<T>(prefix + "product"),
    });
  }
  result.output = arena.at<T>("output");
  result.output_norm = arena.at<T>("output_norm");
  result.output_rstd = arena.at("output_rstd");
  result.logits = arena.at<T>("logits");
  result.lse = arena.at("lse");
  result.losses = arena.at("losses");
  result.branch = arena.at<T>("branch");
  result.dresidual = arena.at<T>("dresidual");
  result.dnorm = arena.at<T>("dnorm");
  result.dproduct = arena.at<T>("dproduct");
  result.dgate = arena.at<T>("dgate");
  result.dup = arena.at<T>("dup");
  result.dattention = arena.at<T>("dattention");
  result.dq = arena.at<T>("dq");
  result.attention_scratch = arena.at("attention_scratch");
  result.rmsnorm_scratch = arena.at("rmsnorm_scratch");
  return result;
}

template TensorTable activation_table(const ModelConfig&, const AttentionMemory&, const KvPath<float>&);
template TensorTable activation_table(const ModelConfig&, const AttentionMemory&, const KvPath<bf16>&);
template Activations<float> activations_of(Arena&, const ModelConfig&);
template Activations<bf16> activations_of(Arena&, const ModelConfig&);

}  // namespace wb
