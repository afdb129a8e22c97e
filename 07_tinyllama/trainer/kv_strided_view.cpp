#include "07_tinyllama/trainer/kv_strided_view.h"

#include <fmt/format.h>

namespace wb {

template <class T>
void KvStridedView<T>::reserve(TensorTable& activations) const {
  const std::int64_t b = config_.b, t = config_.t, k = config_.k, d = config_.d();
  for (int layer = 0; layer < config_.l; ++layer) {
    activations.add(fmt::format("layers.{}.keys", layer), {k, d, b, t}, sizeof(T));
    activations.add(fmt::format("layers.{}.values", layer), {k, d, b, t}, sizeof(T));
  }
  activations.add("dkeys", {k, d, b, t}, sizeof(T));
  activations.add("dvalues", {k, d, b, t}, sizeof(T));
}

template <class T>
void KvStridedView<T>::bind(Arena& activations) {
  layers_.clear();
  for (int layer = 0; layer < config_.l; ++layer) {
    layers_.push_back({.keys = activations.at<T>(fmt::format("layers.{}.keys", layer)),
                       .values = activations.at<T>(fmt::format("layers.{}.values", layer))});
  }
  dkeys_ = activations.at<T>("dkeys");
  dvalues_ = activations.at<T>("dvalues");
}

template <class T>
void KvStridedView<T>::forward(int layer, const Forward& in, const Kernels<T>& kernels, cudaStream_t stream) {
  const Layer& to = layers_[static_cast<std::size_t>(layer)];
  const int tokens = config_.tokens();
  const int width = config_.k * config_.d();
  // K^T = W X^T: (K*D, C) times the transpose of (B*T, C).
  kernels.matmul(MatmulLayout::kNT, in.weights.k_proj, in.x, to.keys, width, tokens, config_.c, 1.0f, 0.0f,
                 stream);
  kernels.matmul(MatmulLayout::kNT, in.weights.v_proj, in.x, to.values, width, tokens, config_.c, 1.0f, 0.0f,
                 stream);
  kernels.rope_forward(in.q, view(to.keys), in.angles.cosine, in.angles.sine, config_.b, config_.t,
                       config_.d(), RopePairing::kHalfSplit, stream);
}

template <class T>
void KvStridedView<T>::backward(int, const Backward& in, const Kernels<T>& kernels, cudaStream_t stream) {
  const int tokens = config_.tokens();
  const int width = config_.k * config_.d();
  const T* dk = dkeys_;    // (K*D, B*T)
  const T* dv = dvalues_;  // (K*D, B*T)
  kernels.rope_backward(in.dq, view(dkeys_), in.angles.cosine, in.angles.sine, config_.b, config_.t,
                        config_.d(), RopePairing::kHalfSplit, stream);
  // With dK^T at hand no transpose is left in dW += dK^T X, and dX = (dK^T)^T W has one.
  kernels.weight_matmul()(MatmulLayout::kNN, dk, in.x, in.gradients.k_proj, width, config_.c, tokens, 1.0f,
                          1.0f, stream);
  kernels.weight_matmul()(MatmulLayout::kNN, dv, in.x, in.gradients.v_proj, width, config_.c, tokens, 1.0f,
                          1.0f, stream);
  kernels.matmul(MatmulLayout::kTN, dk, in.weights.k_proj, in.dx, tokens, config_.c, width, 1.0f, 0.0f,
                 stream);
  kernels.matmul(MatmulLayout::kTN, dv, in.weights.v_proj, in.dx, tokens, config_.c, width, 1.0f, 1.0f,
                 stream);
}

template class KvStridedView<float>;
template class KvStridedView<bf16>;

}  // namespace wb
