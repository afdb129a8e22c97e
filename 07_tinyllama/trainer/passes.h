// The forward and the hand-written backward pass, written once for both types that activations may have.
//
// The residual stream is of the same type as all activations. In bf16 that halves what the two norms and
// additions of a layer move, and costs less accuracy than the products' own rounding (docs/precision.md).
#pragma once

#include <memory>

#include "07_tinyllama/trainer/activations.h"
#include "07_tinyllama/trainer/arena.h"
#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/kernels.h"
#include "07_tinyllama/trainer/kv_layout.h"

namespace wb {

/// The two passes of one model, whatever it computes in. What each does: see Model.
class Passes {
 public:
  virtual ~Passes() = default;
  virtual void forward(const int* tokens,   // (B, T)
                       const int* targets,  // (B, T)
                       float* loss,         // (1)
                       cudaStream_t stream) = 0;
  virtual void backward(const int* tokens,   // (B, T)
                        const int* targets,  // (B, T)
                        cudaStream_t stream, float scale) = 0;
  virtual Arena& activations() = 0;
};

/// T, float or bf16: activations and weights in memory.
template <class T>
class LlamaPasses final : public Passes {
 public:
  /// Allocates the activations. The weights may change between passes; gradients are added to.
  LlamaPasses(const ModelConfig& config, const Kernels<T>& kernels, KvLayout kv_layout,
              const ModelWeights<T>& weights, const ModelWeights<float>& gradients);
  /// The memory that the constructor asks for.
  static std::size_t bytes_needed(const ModelConfig& config, const Kernels<T>& kernels, KvLayout kv_layout);

  void forward(const int* tokens, const int* targets, float* loss, cudaStream_t stream) override;
  void backward(const int* tokens, const int* targets, cudaStream_t stream, float scale) override;
  Arena& activations() override { return activation_arena_; }

 private:
  void layer_forward(int layer, cudaStream_t stream);
  void layer_backward(int layer, cudaStream_t stream);
  void swiglu_backward(const LayerWeights<T>& w, LayerWeights<float>& dw, const LayerActivations<T>& a,
                       cudaStream_t stream);
  AttentionShape attention_shape() const { return attention_shape_of(config_, kv_->heads()); }
  /// (N, H*D) as (B, T, H, D).
  HeadsView<T> heads(T* data) const { return token_major_view(data, config_.t, config_.h, config_.d()); }
  /// y (N, out) = x (N, in) w^T.
  void linear_forward(const T* x, const T* w, T* y, int in, int out, cudaStream_t stream);
  /// dx (N, in) = dy w + beta dx;  dw (out, in) += dy^T x.
  void linear_backward(const T* dy, const T* x, const T* w, T* dx, float beta, float* dw, int in, int out,
                       cudaStream_t stream);

  ModelConfig config_;
  Kernels<T> kernels_;
  ModelWeights<T> weights_;
  ModelWeights<float> dweights_;
  std::unique_ptr<KvPath<T>> kv_;
  Arena activation_arena_;
  Activations<T> activations_;
  DeviceBuffer<float> rope_table_;  // (2, T, D/2): cosines, then sines
  RopeAngles angles_;
};

}  // namespace wb
