#include "07_tinyllama/sample/decoder.h"

#include <fmt/format.h>

#include <cmath>

#include "common/core/implementations.h"

namespace wb {
namespace {

std::size_t area(int rows, int columns) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
}

AttentionShape causal_shape(const ModelConfig& config, int n) {
  return {.b = 1,
          .t = n,
          .h = config.h,
          .kv = config.k,
          .d = config.d(),
          .causal = true,
          .scale = 1.0f / std::sqrt(static_cast<float>(config.d()))};
}

// Before anything is allocated.
const ModelConfig& checked(const ModelConfig& config, int capacity) {
  validate(config);
  WB_REQUIRE(capacity >= 1 && capacity <= config.t, capacity);
  const auto cache = 2 * static_cast<std::size_t>(config.l) * area(capacity, config.k * config.d());
  const std::size_t needed =
      (static_cast<std::size_t>(parameter_table(config).extent()) + cache) * sizeof(float);
  std::size_t free = 0, total = 0;
  WB_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  if (needed > free) {
    throw Error(fmt::format("decoder: this model needs {:.1f} GiB of device memory, but {:.1f} GiB are free",
                            static_cast<double>(needed) / 0x1p30, static_cast<double>(free) / 0x1p30));
  }
  return config;
}

}  // namespace

Decoder::Rows::Rows(const ModelConfig& config, const KernelSet& kernels, int count)
    : n(count),
      attention_saved_size(kernels.attention_memory(causal_shape(config, count)).saved),
      tokens(static_cast<std::size_t>(n)),
      input(area(n, config.c)),
      middle(area(n, config.c)),
      norm(area(n, config.c)),
      branch(area(n, config.c)),
      rstd(static_cast<std::size_t>(n)),
      q(area(n, config.c)),
      attention(area(n, config.c)),
      gate(area(n, config.f)),
      up(area(n, config.f)),
      product(area(n, config.f)),
      attention_saved(attention_saved_size) {}

Decoder::Decoder(const ModelConfig& config, const KernelSet& kernels, int capacity)
    : config_(checked(config, capacity)),
      kernels_(kernels),
      decode_attention_(find_implementation<DecodeAttention>("solution").function),
      capacity_(capacity),
      parameters_(parameter_table(config)),
      weights_(weights_of(parameters_, config)),
      keys_(static_cast<std::size_t>(config.l) * area(capacity, config.k * config.d())),
      values_(keys_.size()),
      parts_(decode_attention_scratch_size({.b = 1, .h = config.h, .d = config.d()})),
      one_(config, kernels, 1),
      one_logits_(static_cast<std::size_t>(config.v)) {
  RopeTable table = make_rope_table(capacity, config.d(), config.rope_base);
  table.cosine.insert(table.cosine.end(), table.sine.begin(), table.sine.end());
  rope_table_ = DeviceBuffer<float>(table.cosine);
}

float* Decoder::cache_of(DeviceBuffer<float>& cache, int layer) const {
  return cache.data() + static_cast<std::size_t>(layer) * area(capacity_, config_.k * config_.d());
}

void Decoder::require_room(std::span<const int> tokens) const {
  if (tokens.empty()) throw Error("decoder: no token was given");
  if (tokens.size() > static_cast<std::size_t>(capacity_ - position_)) {
    throw Error(fmt::format("decoder: {} tokens do not fit: {} of {} places are taken", tokens.size(),
                            position_, capacity_));
  }
  for (const int token : tokens) {
    if (token < 0 || token >= config_.v) {
      throw Error(fmt::format("decoder: token {} lies outside the vocabulary [0, {})", token, config_.v));
    }
  }
}

std::vector<float> Decoder::feed(std::span<const int> tokens) {
  require_room(tokens);
  // At the start, one pass over all; behind other tokens, one by one against the cache.
  if (position_ == 0 && tokens.size() > 1) {
    Rows rows(config_, kernels_, static_cast<int>(tokens.size()));
    pass(rows, tokens);
    return logits_of(rows.norm.data() + area(rows.n - 1, config_.c), 1);
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) pass(one_, tokens.subspan(i, 1));
  return logits_of(one_.norm.data(), 1);
}

std::vector<float> Decoder::feed_all(std::span<const int> tokens) {
  require_room(tokens);
  if (position_ == 0 && tokens.size() > 1) {
    Rows rows(config_, kernels_, static_cast<int>(tokens.size()));
    pass(rows, tokens);
    return logits_of(rows.norm.data(), rows.n);
  }
  std::vector<float> all;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::vector<float> row = feed(tokens.subspan(i, 1));
    all.insert(all.end(), row.begin(), row.end());
  }
  return all;
}

void Decoder::linear(const float* x, const float* w, float* y, int n, int in, int out) {
  kernels_.matmul(MatmulLayout::kNT, x, w, y, n, out, in, 1.0f, 0.0f, nullptr);
}

std::vector<float> Decoder::logits_of(const float* norm, int n) {
  // One row has its memory: to allocate and free some for every token would cost more than the product.
  DeviceBuffer<float> many(n == 1 ? 0 : area(n, config_.v));
  DeviceBuffer<float>& logits = n == 1 ? one_logits_ : many;
  linear(norm, weights_.embedding, logits.data(), n, config_.c, config_.v);
  return logits.download();
}

void Decoder::pass(Rows& rows, std::span<const int> tokens) {
  rows.tokens.upload(tokens);
  kernels_.embedding_forward(rows.tokens.data(), weights_.embedding, rows.input.data(), rows.n, config_.c,
                             nullptr);
  for (int i = 0; i < config_.l; ++i) layer(i, rows);
  kernels_.rmsnorm_forward(rows.input.data(), weights_.norm, rows.norm.data(), rows.rstd.data(), rows.n,
                           config_.c, config_.epsilon, nullptr);
  position_ += rows.n;
}

void Decoder::layer(int index, Rows& rows) {
  const LayerWeights<float>& w = weights_.layers[static_cast<std::size_t>(index)];
  const int n = rows.n;
  const int c = config_.c;
  const auto residual = static_cast<std::int64_t>(area(n, c));

  // middle = input + o(attention(rope(q, k), v))
  kernels_.rmsnorm_forward(rows.input.data(), w.input_norm, rows.norm.data(), rows.rstd.data(), n, c,
                           config_.epsilon, nullptr);
  attention(index, rows);
  linear(rows.attention.data(), w.o_proj, rows.branch.data(), n, c, c);
  kernels_.vector_add(rows.input.data(), rows.branch.data(), rows.middle.data(), residual, nullptr);

  // input of the next layer = middle + down(silu(gate) * up)
  kernels_.rmsnorm_forward(rows.middle.data(), w.attention_norm, rows.norm.data(), rows.rstd.data(), n, c,
                           config_.epsilon, nullptr);
  kernels_.swiglu_forward(rows.norm.data(), w.gate_proj, w.up_proj, rows.gate.data(), rows.up.data(),
                          rows.product.data(), n, c, config_.f, kernels_.matmul, nullptr);
  linear(rows.product.data(), w.down_proj, rows.branch.data(), n, config_.f, c);
  kernels_.vector_add(rows.middle.data(), rows.branch.data(), rows.input.data(), residual, nullptr);
}

void Decoder::attention(int index, Rows& rows) {
  const LayerWeights<float>& w = weights_.layers[static_cast<std::size_t>(index)];
  const int n = rows.n;
  const int d = config_.d();
  const int width = config_.k * d;
  float* keys = cache_of(keys_, index);
  float* values = cache_of(values_, index);
  float* new_keys = keys + area(position_, width);

  // Project the new tokens' keys and values to where they stay.
  linear(rows.norm.data(), w.q_proj, rows.q.data(), n, config_.c, config_.c);
  linear(rows.norm.data(), w.k_proj, new_keys, n, config_.c, width);
  linear(rows.norm.data(), w.v_proj, values + area(position_, width), n, config_.c, width);
  const float* cosine = rope_table_.data() + area(position_, d / 2);
  const float* sine = cosine + area(capacity_, d / 2);
  const HeadsView<float> q = token_major_view(rows.q.data(), n, config_.h, d);
  kernels_.rope_forward(q, token_major_view(new_keys, n, config_.k, d), cosine, sine, 1, n, d,
                        RopePairing::kHalfSplit, nullptr);

  const AttentionShape shape = causal_shape(config_, n);
  if (n == 1) {
    const DecodeAttentionShape decode = {1, position_ + 1, config_.h, config_.k, d, shape.scale};
    decode_attention_(rows.q.data(), token_major_view<const float>(keys, capacity_, config_.k, d),
                      token_major_view<const float>(values, capacity_, config_.k, d), rows.attention.data(),
                      parts_.data(), decode, nullptr);
  } else {
    kernels_.attention_forward(q, token_major_view(keys, n, config_.k, d),
                               token_major_view(values, n, config_.k, d),
                               token_major_view(rows.attention.data(), n, config_.h, d),
                               rows.attention_saved.data(), shape, nullptr);
  }
}

}  // namespace wb
