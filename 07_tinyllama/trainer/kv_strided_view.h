// K/V layout `strided view`: K^T = W X^T, left as it is and read through strides by RoPE and attention.
#pragma once

#include "07_tinyllama/trainer/kv_layout.h"

namespace wb {

class KvStridedView final : public KvPath {
 public:
  explicit KvStridedView(const ModelConfig& config) : config_(config) {}

  void reserve(TensorTable& activations) const override;
  void bind(Arena& activations) override;
  int heads() const override { return config_.k; }
  HeadsView<float> keys(int layer) const override {
    return view(layers_[static_cast<std::size_t>(layer)].keys);
  }
  HeadsView<float> values(int layer) const override {
    return view(layers_[static_cast<std::size_t>(layer)].values);
  }
  HeadsView<float> dkeys() const override { return view(dkeys_); }
  HeadsView<float> dvalues() const override { return view(dvalues_); }
  void forward(int layer, const Forward& in, const KernelSet& kernels, cudaStream_t stream) override;
  void backward(int layer, const Backward& in, const KernelSet& kernels, cudaStream_t stream) override;

 private:
  struct Layer {
    float* keys = nullptr;    // (K, D, B, T)
    float* values = nullptr;  // (K, D, B, T)
  };
  HeadsView<float> view(float* data) const {
    return feature_major_view(data, config_.b, config_.t, config_.k, config_.d());
  }

  ModelConfig config_;
  std::vector<Layer> layers_;
  float* dkeys_ = nullptr;    // (K, D, B, T), shared by all layers
  float* dvalues_ = nullptr;  // (K, D, B, T)
};

}  // namespace wb
