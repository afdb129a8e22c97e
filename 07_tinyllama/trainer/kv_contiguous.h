// K/V layout `contiguous`: K = X W^T, rotated, then copied once per query head into (B, H, T, D).
#pragma once

#include "07_tinyllama/trainer/kv_layout.h"

namespace wb {

class KvContiguous final : public KvPath {
 public:
  explicit KvContiguous(const ModelConfig& config) : config_(config) {}

  void reserve(TensorTable& activations) const override;
  void bind(Arena& activations) override;
  int heads() const override { return config_.h; }
  HeadsView<float> keys(int layer) const override {
    return repeated(layers_[static_cast<std::size_t>(layer)].keys);
  }
  HeadsView<float> values(int layer) const override {
    return repeated(layers_[static_cast<std::size_t>(layer)].values);
  }
  HeadsView<float> dkeys() const override { return repeated(dkeys_); }
  HeadsView<float> dvalues() const override { return repeated(dvalues_); }
  void forward(int layer, const Forward& in, const KernelSet& kernels, cudaStream_t stream) override;
  void backward(int layer, const Backward& in, const KernelSet& kernels, cudaStream_t stream) override;

 private:
  struct Layer {
    float* keys = nullptr;    // (B, H, T, D)
    float* values = nullptr;  // (B, H, T, D)
  };
  HeadsView<float> repeated(float* data) const {
    return head_major_view(data, config_.t, config_.h, config_.d());
  }
  HeadsView<float> projected(float* data) const {
    return token_major_view(data, config_.t, config_.k, config_.d());
  }

  ModelConfig config_;
  std::vector<Layer> layers_;
  float* dkeys_ = nullptr;    // (B, H, T, D), shared by all layers
  float* dvalues_ = nullptr;  // (B, H, T, D)
  // Before repeat_kv. Forward needs them no more once the copies are made, so backward puts gradients there.
  float* projected_keys_ = nullptr;    // (B, T, K, D), shared by all layers
  float* projected_values_ = nullptr;  // (B, T, K, D)
};

}  // namespace wb
