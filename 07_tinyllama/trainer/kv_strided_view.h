// K/V layout `strided view`: K^T = W X^T, left as it is and read through strides by RoPE and attention.
#pragma once

#include "07_tinyllama/trainer/kv_layout.h"

namespace wb {

template <class T>
class KvStridedView final : public KvPath<T> {
 public:
  using typename KvPath<T>::Forward;
  using typename KvPath<T>::Backward;

  explicit KvStridedView(const ModelConfig& config) : config_(config) {}

  void reserve(TensorTable& activations) const override;
  void bind(Arena& activations) override;
  int heads() const override { return config_.k; }
  HeadsView<T> keys(int layer) const override { return view(layers_[static_cast<std::size_t>(layer)].keys); }
  HeadsView<T> values(int layer) const override {
    return view(layers_[static_cast<std::size_t>(layer)].values);
  }
  HeadsView<T> dkeys() const override { return view(dkeys_); }
  HeadsView<T> dvalues() const override { return view(dvalues_); }
  void forward(int layer, const Forward& in, const Kernels<T>& kernels, cudaStream_t stream) override;
  void backward(int layer, const Backward& in, const Kernels<T>& kernels, cudaStream_t stream) override;

 private:
  struct Layer {
    T* keys = nullptr;    // (K, D, B, T)
    T* values = nullptr;  // (K, D, B, T)
  };
  HeadsView<T> view(T* data) const {
    return feature_major_view(data, config_.b, config_.t, config_.k, config_.d());
  }

  ModelConfig config_;
  std::vector<Layer> layers_;
  T* dkeys_ = nullptr;    // (K, D, B, T), shared by all layers
  T* dvalues_ = nullptr;  // (K, D, B, T)
};

}  // namespace wb
