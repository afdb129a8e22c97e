// A Llama: its memory, forward pass and hand-written backward pass.
//
//   tokens -> embedding -> L x [ x + o(attention(rope(q, k), v)) -> x + down(silu(gate) * up) ] -> rmsnorm ->
//   logits -> loss
//
// Everything is allocated by the constructor. A step only launches kernels: no allocation, no wait.
#pragma once

#include <memory>

#include "07_tinyllama/trainer/activations.h"
#include "07_tinyllama/trainer/arena.h"
#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/kernels.h"
#include "07_tinyllama/trainer/kv_layout.h"

namespace wb {

class Model {
 public:
  /// Parameters start as zeros: see init.h. Errors: validate(config)'s.
  Model(const ModelConfig& config, const KernelSet& kernels, KvLayout kv_layout = KvLayout::kContiguous);
  /// Device memory that a Model of these arguments would allocate. Errors: as the constructor.
  static std::size_t bytes_needed(const ModelConfig& config, const KernelSet& kernels, KvLayout kv_layout);

  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// Writes the mean cross entropy of the batch to *loss, a float on the device, in stream order.
  void forward(const int* tokens,   // (B, T), on the device
               const int* targets,  // (B, T), on the device
               float* loss,         // (1), on the device
               cudaStream_t stream = nullptr);

  /// Gradients of scale times the mean loss of the forward pass just before it. Clears the gradient arena
  /// first, unless told to accumulate: with a scale of 1 / n, n batches add up to the gradient of one large
  /// batch. Consumes the activations: call it once per forward pass.
  void backward(const int* tokens,   // (B, T)
                const int* targets,  // (B, T)
                cudaStream_t stream = nullptr, float scale = 1.0f, bool accumulate = false);

  const ModelConfig& config() const { return config_; }
  const KernelSet& kernels() const { return kernels_; }
  Arena& parameters() { return parameters_; }
  Arena& gradients() { return gradients_; }
  /// Activations and their gradients: one arena.
  Arena& activations() { return activation_arena_; }

 private:
  void layer_forward(int layer, cudaStream_t stream);
  void layer_backward(int layer, cudaStream_t stream);
  AttentionShape attention_shape() const;
  /// y (N, out) = x (N, in) w^T.
  void linear_forward(const float* x, const float* w, float* y, int in, int out, cudaStream_t stream);
  /// dx (N, in) = dy w + beta dx;  dw (out, in) += dy^T x.
  void linear_backward(const float* dy, const float* x, const float* w, float* dx, float beta, float* dw,
                       int in, int out, cudaStream_t stream);

  ModelConfig config_;
  KernelSet kernels_;
  Arena parameters_;
  Arena gradients_;
  ModelWeights weights_;
  ModelWeights dweights_;
  std::unique_ptr<KvPath> kv_;
  Arena activation_arena_;
  Activations activations_;
  DeviceBuffer<float> rope_table_;  // (2, T, D/2): cosines, then sines
  RopeAngles angles_;
};

}  // namespace wb
