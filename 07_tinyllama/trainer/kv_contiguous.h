// K/V layout `contiguous`: K = X W^T, rotated, then copied once per query head into (B, H, T, D).
#pragma once

#include "07_tinyllama/trainer/kv_layout.h"

namespace wb {

template <class T>
class KvContiguous final : public KvPath<T> {
 public:
  using typename KvPath<T>::Forward;
  using typename KvPath<T>::Backward;

  explicit KvContiguous(const ModelConfig& config) : config_(config) {}

  void reserve(TensorTable& activations) const override;
  void bind(Arena& activations) override;
  int heads() const override { return config_.h; }
  HeadsView<T> keys(int layer) const override {
    return repeated(layers_[static_cast<std::size_t>(layer)].keys);
  }
  HeadsView<T> values(int layer) const override {
    return repeated(layers_[static_cast<std::size_t>(layer)].values);
  }
  HeadsView<T> dkeys() const override { return repeated(dkeys_); }
  HeadsView<T> dvalues() const override { return repeated(dvalues_); }
  void forward(int layer, const Forward& in, const Kernels<T>& kernels, cudaStream_t stream) override;
  void backward(int layer, const Backward& in, const Kernels<T>& kernels, cudaStream_t stream) override;

 private:
  struct Layer {
    T* keys = nullptr;    // (B, H, T, D)
    T* values = nullptr;  // (B, H, T, D)
  };
  HeadsView<T> repeated(T* data) const { return head_major_view(data, config_.t, config_.h, config_.d()); }
  HeadsView<T> projected(T* data) const { return token_major_view(data, config_.t, config_.k, config_.d()); }

  ModelConfig config_;
  std::vector<Layer> layers_;
  T* dkeys_ = nullptr;    // (B, H, T, D), shared by all layers
  T* dvalues_ = nullptr;  // (B, H, T, D)
  // Before repeat_kv. The forward pass does not need them after the copies are made, so the backward pass
  // stores gradients there.
  T* projected_keys_ = nullptr;    // (B, T, K, D), shared by all layers
  T* projected_values_ = nullptr;  // (B, T, K, D)
};

}  // namespace wb
