// Construction and the forward pass. The backward pass is in passes_backward.cpp.
#include "07_tinyllama/trainer/passes.h"
#include "07_tinyllama/trainer/step_kernels.h"
#include "common/core/trace.h"

namespace wb {

template <class T>
LlamaPasses<T>::LlamaPasses(const ModelConfig& config, const Kernels<T>& kernels, KvLayout kv_layout,
                            const ModelWeights<T>& weights, const ModelWeights<float>& gradients)
    : config_(config),
      kernels_(kernels),
      weights_(weights),
      dweights_(gradients),
      kv_(make_kv_path<T>(kv_layout, config)),
      activation_arena_(activation_table<T>(config, kernels.attention_memory(attention_shape()), *kv_)),
      activations_(activations_of<T>(activation_arena_, config)) {
  kv_->bind(activation_arena_);
  RopeTable table = make_rope_table(config.t, config.d(), config.rope_base);
  const std::size_t half = table.cosine.size();
  table.cosine.insert(table.cosine.end(), table.sine.begin(), table.sine.end());
  rope_table_ = DeviceBuffer<float>(table.cosine);
  angles_ = {rope_table_.data(), rope_table_.data() + half};
}

template <class T>
std::size_t LlamaPasses<T>::bytes_needed(const ModelConfig& config, const Kernels<T>& kernels,
                                         KvLayout kv_layout) {
  const std::unique_ptr<KvPath<T>> kv = make_kv_path<T>(kv_layout, config);
  const AttentionMemory attention = kernels.attention_memory(attention_shape_of(config, kv->heads()));
  const std::int64_t floats = activation_table<T>(config, attention, *kv).extent() +
                              static_cast<std::int64_t>(config.t) * config.d();  // the angles
  return static_cast<std::size_t>(floats) * sizeof(float);
}

template <class T>
void LlamaPasses<T>::linear_forward(const T* x, const T* w, T* y, int in, int out, cudaStream_t stream) {
  kernels_.matmul(MatmulLayout::kNT, x, w, y, config_.tokens(), out, in, 1.0f, 0.0f, stream);
}

template <class T>
void LlamaPasses<T>::forward(const int* tokens, const int* targets, float* loss, cudaStream_t stream) {
  const int n = config_.tokens();
  const int c = config_.c;
  Activations<T>& a = activations_;
  TraceRange range("embedding");
  kernels_.embedding_forward(tokens, weights_.embedding, a.layers[0].input, n, c, stream);
  for (int layer = 0; layer < config_.l; ++layer) {
    range.next("layer", layer);
    layer_forward(layer, stream);
  }
  range.next("head");
  kernels_.rmsnorm_forward(a.output, weights_.norm, a.output_norm, a.output_rstd, n, c, config_.epsilon,
                           stream);
  // The head is tied: the embedding, used the other way round.
  linear_forward(a.output_norm, weights_.embedding, a.logits, c, config_.v, stream);
  kernels_.cross_entropy_forward(a.logits, targets, a.losses, a.lse, n, config_.v, stream);
  mean_loss(a.losses, loss, n, stream);
}

template <class T>
void LlamaPasses<T>::layer_forward(int layer, cudaStream_t stream) {
  const int n = config_.tokens();
  const int c = config_.c;
  const int query_width = config_.h * config_.d();
  const std::int64_t residual = static_cast<std::int64_t>(n) * c;
  const LayerWeights<T>& w = weights_.layers[static_cast<std::size_t>(layer)];
  LayerActivations<T>& a = activations_.layers[static_cast<std::size_t>(layer)];
  const bool last = layer + 1 == config_.l;
  T* output = last ? activations_.output : activations_.layers[static_cast<std::size_t>(layer) + 1].input;
  T* branch = activations_.branch;
  const HeadsView<T> q = heads(a.q);

  // middle = input + o(attention(rope(q, k), v))
  TraceRange range("attention");
  kernels_.rmsnorm_forward(a.input, w.input_norm, a.input_norm, a.input_rstd, n, c, config_.epsilon, stream);
  linear_forward(a.input_norm, w.q_proj, a.q, c, query_width, stream);
  kv_->forward(layer, {a.input_norm, w, q, angles_}, kernels_, stream);
  kernels_.attention_forward(q, kv_->keys(layer), kv_->values(layer), heads(a.attention), a.attention_saved,
                             attention_shape(), stream);
  linear_forward(a.attention, w.o_proj, branch, query_width, c, stream);
  kernels_.vector_add(a.input, branch, a.middle, residual, stream);

  // output = middle + down(silu(gate) * up)
  range.next("feed_forward");
  kernels_.rmsnorm_forward(a.middle, w.attention_norm, a.middle_norm, a.middle_rstd, n, c, config_.epsilon,
                           stream);
  kernels_.swiglu_forward(a.middle_norm, w.gate_proj, w.up_proj, a.gate, a.up, a.product, n, c, config_.f,
                          kernels_.matmul, stream);
  linear_forward(a.product, w.down_proj, branch, config_.f, c, stream);
  kernels_.vector_add(a.middle, branch, output, residual, stream);
}

template class LlamaPasses<float>;
template class LlamaPasses<bf16>;

}  // namespace wb
