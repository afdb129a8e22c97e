#include "07_tinyllama/trainer/kv_contiguous.h"

#include <fmt/format.h>

#include <tuple>

namespace wb {

template <class T>
void KvContiguous<T>::reserve(TensorTable& activations) const {
  const std::int64_t b = config_.b, t = config_.t, h = config_.h, k = config_.k, d = config_.d();
  for (int layer = 0; layer < config_.l; ++layer) {
    activations.add(fmt::format("layers.{}.keys", layer), {b, h, t, d}, sizeof(T));
    activations.add(fmt::format("layers.{}.values", layer), {b, h, t, d}, sizeof(T));
  }
  activations.add("dkeys", {b, h, t, d}, sizeof(T));
  activations.add("dvalues", {b, h, t, d}, sizeof(T));
  activations.add("projected_keys", {b, t, k, d}, sizeof(T));
  activations.add("projected_values", {b, t, k, d}, sizeof(T));
}

template <class T>
void KvContiguous<T>::bind(Arena& activations) {
  layers_.clear();
  for (int layer = 0; layer < config_.l; ++layer) {
    layers_.push_back({.keys = activations.at<T>(fmt::format("layers.{}.keys", layer)),
                       .values = activations.at<T>(fmt::format("layers.{}.values", layer))});
  }
  dkeys_ = activations.at<T>("dkeys");
  dvalues_ = activations.at<T>("dvalues");
  projected_keys_ = activations.at<T>("projected_keys");
  projected_values_ = activations.at<T>("projected_values");
}

template <class T>
void KvContiguous<T>::forward(int layer, const Forward& in, const Kernels<T>& kernels, cudaStream_t stream) {
  const auto [b, t, h, d] = std::tuple(config_.b, config_.t, config_.h, config_.d());
  const Layer& to = layers_[static_cast<std::size_t>(layer)];
  const int tokens = config_.tokens();
  const int width = config_.k * d;
  kernels.matmul(MatmulLayout::kNT, in.x, in.weights.k_proj, projected_keys_, tokens, width, config_.c, 1.0f,
                 0.0f, stream);
  kernels.matmul(MatmulLayout::kNT, in.x, in.weights.v_proj, projected_values_, tokens, width, config_.c,
                 1.0f, 0.0f, stream);
  kernels.rope_forward(in.q, projected(projected_keys_), in.angles.cosine, in.angles.sine, b, t, d,
                       RopePairing::kHalfSplit, stream);
  kernels.repeat_kv_forward(projected(projected_keys_), to.keys, b, t, h, d, stream);
  kernels.repeat_kv_forward(projected(projected_values_), to.values, b, t, h, d, stream);
}

template <class T>
void KvContiguous<T>::backward(int, const Backward& in, const Kernels<T>& kernels, cudaStream_t stream) {
  const auto [b, t, h, d] = std::tuple(config_.b, config_.t, config_.h, config_.d());
  const int tokens = config_.tokens();
  const int width = config_.k * d;
  T* dk = projected_keys_;    // (B*T, K*D)
  T* dv = projected_values_;  // (B*T, K*D)
  kernels.repeat_kv_backward(dkeys_, projected(dk), b, t, h, d, stream);
  kernels.repeat_kv_backward(dvalues_, projected(dv), b, t, h, d, stream);
  kernels.rope_backward(in.dq, projected(dk), in.angles.cosine, in.angles.sine, b, t, d,
                        RopePairing::kHalfSplit, stream);
  // dW += dK^T X;  dX = dK W.
  kernels.weight_matmul()(MatmulLayout::kTN, dk, in.x, in.gradients.k_proj, width, config_.c, tokens, 1.0f,
                          1.0f, stream);
  kernels.weight_matmul()(MatmulLayout::kTN, dv, in.x, in.gradients.v_proj, width, config_.c, tokens, 1.0f,
                          1.0f, stream);
  kernels.matmul(MatmulLayout::kNN, dk, in.weights.k_proj, in.dx, tokens, config_.c, width, 1.0f, 0.0f,
                 stream);
  kernels.matmul(MatmulLayout::kNN, dv, in.weights.v_proj, in.dx, tokens, config_.c, width, 1.0f, 1.0f,
                 stream);
}

template class KvContiguous<float>;
template class KvContiguous<bf16>;

}  // namespace wb
