// Keys and values as the paper writes them: K^T = Wk X^T and V^T = Wv X^T, the products that attention reads.
//
//     ./workbook check 07 fix_kv_layout
//
// Attention receives views (HeadsView, 05_rmsnorm_rope/heads_view.h), so nothing is copied.
//
// TODO: All numbers are right, yet attention is slower than it has to be. Find out why, and fix it here. The
//       lesson (README.md) has the symptom and the tools.
#include "07_tinyllama/fixits/fix_kv_layout.h"

#include <string>
#include <vector>

#include "common/core/registry.h"

namespace wb {
namespace {

class KvPathStarter final : public KvPath<float> {
 public:
  explicit KvPathStarter(const ModelConfig& config) : config_(config) {}

  void reserve(TensorTable& activations) const override {
    const std::int64_t b = config_.b, t = config_.t, k = config_.k, d = config_.d();
    for (int layer = 0; layer < config_.l; ++layer) {
      activations.add(keys_name(layer), {k, d, b, t});
      activations.add(values_name(layer), {k, d, b, t});
    }
    activations.add("dkeys", {k, d, b, t});
    activations.add("dvalues", {k, d, b, t});
  }

  void bind(Arena& activations) override {
    for (int layer = 0; layer < config_.l; ++layer) {
      keys_.push_back(activations.at(keys_name(layer)));
      values_.push_back(activations.at(values_name(layer)));
    }
    dkeys_ = activations.at("dkeys");
    dvalues_ = activations.at("dvalues");
  }

  int heads() const override { return config_.k; }
  HeadsView<float> keys(int layer) const override { return view(keys_[static_cast<std::size_t>(layer)]); }
  HeadsView<float> values(int layer) const override { return view(values_[static_cast<std::size_t>(layer)]); }
  HeadsView<float> dkeys() const override { return view(dkeys_); }
  HeadsView<float> dvalues() const override { return view(dvalues_); }

  void forward(int layer, const Forward& in, const Kernels<float>& kernels, cudaStream_t stream) override {
    const int tokens = config_.tokens(), width = config_.k * config_.d(), c = config_.c;
    float* k = keys_[static_cast<std::size_t>(layer)];
    float* v = values_[static_cast<std::size_t>(layer)];
    kernels.matmul(MatmulLayout::kNT, in.weights.k_proj, in.x, k, width, tokens, c, 1.0f, 0.0f, stream);
    kernels.matmul(MatmulLayout::kNT, in.weights.v_proj, in.x, v, width, tokens, c, 1.0f, 0.0f, stream);
    kernels.rope_forward(in.q, view(k), in.angles.cosine, in.angles.sine, config_.b, config_.t, config_.d(),
                         RopePairing::kHalfSplit, stream);
  }

  void backward(int, const Backward& in, const Kernels<float>& kernels, cudaStream_t stream) override {
    const int tokens = config_.tokens(), width = config_.k * config_.d(), c = config_.c;
    const float* dk = dkeys_;
    const float* dv = dvalues_;
    kernels.rope_backward(in.dq, view(dkeys_), in.angles.cosine, in.angles.sine, config_.b, config_.t,
                          config_.d(), RopePairing::kHalfSplit, stream);
    // dWk += dK^T X and dWv += dV^T X;  dX = dK Wk + dV Wv.
    kernels.matmul(MatmulLayout::kNN, dk, in.x, in.gradients.k_proj, width, c, tokens, 1.0f, 1.0f, stream);
    kernels.matmul(MatmulLayout::kNN, dv, in.x, in.gradients.v_proj, width, c, tokens, 1.0f, 1.0f, stream);
    kernels.matmul(MatmulLayout::kTN, dk, in.weights.k_proj, in.dx, tokens, c, width, 1.0f, 0.0f, stream);
    kernels.matmul(MatmulLayout::kTN, dv, in.weights.v_proj, in.dx, tokens, c, width, 1.0f, 1.0f, stream);
  }

 private:
  static std::string keys_name(int layer) { return "layers." + std::to_string(layer) + ".keys"; }
  static std::string values_name(int layer) { return "layers." + std::to_string(layer) + ".values"; }
  HeadsView<float> view(float* data) const {
    return feature_major_view(data, config_.b, config_.t, config_.k, config_.d());
  }

  ModelConfig config_;
  std::vector<float*> keys_;    // one per layer
  std::vector<float*> values_;  // one per layer
  float* dkeys_ = nullptr;      // shared by all layers
  float* dvalues_ = nullptr;
};

}  // namespace

WB_REGISTER(MakeKvPath, starter, [](const ModelConfig& config) -> std::unique_ptr<KvPath<float>> {
  return std::make_unique<KvPathStarter>(config);
});

}  // namespace wb
