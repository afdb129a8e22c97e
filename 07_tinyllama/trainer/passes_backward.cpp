// The backward pass: the forward pass read from the end, each line replaced by its gradient.
//
// dresidual is the gradient of the residual stream. Where the stream splits into itself and a branch, the
// branch's gradient is added to it: dx = dy + branch'(dy).
#include "07_tinyllama/trainer/passes.h"
#include "common/core/trace.h"

namespace wb {

template <class T>
void LlamaPasses<T>::linear_backward(const T* dy, const T* x, const T* w, T* dx, float beta, float* dw,
                                     int in, int out, cudaStream_t stream) {
  const int n = config_.tokens();
  kernels_.matmul(MatmulLayout::kNN, dy, w, dx, n, in, out, 1.0f, beta, stream);
  kernels_.weight_matmul()(MatmulLayout::kTN, dy, x, dw, out, in, n, 1.0f, 1.0f, stream);
}

template <class T>
void LlamaPasses<T>::backward(const int* tokens, const int* targets, cudaStream_t stream, float scale) {
  const int n = config_.tokens();
  const int c = config_.c;
  Activations<T>& a = activations_;
  TraceRange range("head");
  T* dlogits = a.logits;
  kernels_.cross_entropy_backward(a.logits, targets, a.lse, dlogits, scale / static_cast<float>(n), n,
                                  config_.v, stream);
  linear_backward(dlogits, a.output_norm, weights_.embedding, a.dnorm, 0.0f, dweights_.embedding, c,
                  config_.v, stream);
  kernels_.rmsnorm_backward(a.dnorm, a.output, weights_.norm, a.output_rstd, a.dresidual, dweights_.norm,
                            a.rmsnorm_scratch, n, c, stream);
  for (int layer = config_.l - 1; layer >= 0; --layer) {
    range.next("layer", layer);
    layer_backward(layer, stream);
  }
  range.next("embedding");
  // The tied embedding's second gradient: as the head it has one already.
  kernels_.embedding_backward(tokens, a.dresidual, dweights_.embedding, n, c, stream);
}

template <class T>
void LlamaPasses<T>::swiglu_backward(const LayerWeights<T>& w, LayerWeights<float>& dw,
                                     const LayerActivations<T>& a, cudaStream_t stream) {
  const Activations<T>& s = activations_;
  const auto with_products = [&](auto... products) {
    kernels_.swiglu_backward(s.dproduct, a.middle_norm, w.gate_proj, w.up_proj, a.gate, a.up, s.dgate, s.dup,
                             s.dnorm, dw.gate_proj, dw.up_proj, config_.tokens(), config_.c, config_.f,
                             products..., stream);
  };
  // The contract in bf16 takes the product for the weights beside the other.
  if constexpr (std::is_same_v<T, float>) {
    with_products(kernels_.matmul);
  } else {
    with_products(kernels_.matmul, kernels_.weight_matmul());
  }
}

template <class T>
void LlamaPasses<T>::layer_backward(int layer, cudaStream_t stream) {
  const int n = config_.tokens();
  const int c = config_.c;
  const int query_width = config_.h * config_.d();
  const std::int64_t residual = static_cast<std::int64_t>(n) * c;
  const LayerWeights<T>& w = weights_.layers[static_cast<std::size_t>(layer)];
  LayerWeights<float>& dw = dweights_.layers[static_cast<std::size_t>(layer)];
  const LayerActivations<T>& a = activations_.layers[static_cast<std::size_t>(layer)];
  const Activations<T>& s = activations_;

  // output = middle + down(silu(gate) * up)
  TraceRange range("feed_forward");
  linear_backward(s.dresidual, a.product, w.down_proj, s.dproduct, 0.0f, dw.down_proj, config_.f, c, stream);
  swiglu_backward(w, dw, a, stream);
  kernels_.rmsnorm_backward(s.dnorm, a.middle, w.attention_norm, a.middle_rstd, s.branch, dw.attention_norm,
                            s.rmsnorm_scratch, n, c, stream);
  kernels_.vector_add(s.dresidual, s.branch, s.dresidual, residual, stream);

  // middle = input + o(attention(rope(q, k), v))
  range.next("attention");
  linear_backward(s.dresidual, a.attention, w.o_proj, s.dattention, 0.0f, dw.o_proj, query_width, c, stream);
  kernels_.attention_backward(heads(s.dattention), heads(a.q), kv_->keys(layer), kv_->values(layer),
                              heads(a.attention), a.attention_saved, heads(s.dq), kv_->dkeys(),
                              kv_->dvalues(), s.attention_scratch, attention_shape(), stream);
  kv_->backward(layer, {a.input_norm, w, dw, heads(s.dq), s.dnorm, angles_}, kernels_, stream);
  linear_backward(s.dq, a.input_norm, w.q_proj, s.dnorm, 1.0f, dw.q_proj, c, query_width, stream);
  kernels_.rmsnorm_backward(s.dnorm, a.input, w.input_norm, a.input_rstd, s.branch, dw.input_norm,
                            s.rmsnorm_scratch, n, c, stream);
  kernels_.vector_add(s.dresidual, s.branch, s.dresidual, residual, stream);
}

template class LlamaPasses<float>;
template class LlamaPasses<bf16>;

}  // namespace wb
