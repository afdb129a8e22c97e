// A Llama: its memory, forward pass and hand-written backward pass, in the precision of its kernels.
//
//   tokens -> embedding -> L x [ x + o(attention(rope(q, k), v)) -> x + down(silu(gate) * up) ] -> rmsnorm ->
//   logits -> loss
//
// Everything is allocated by the constructor. A step only launches kernels: no allocation, no wait.
#pragma once

#include <memory>

#include "07_tinyllama/trainer/arena.h"
#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/kernels.h"
#include "07_tinyllama/trainer/kv_layout.h"
#include "07_tinyllama/trainer/passes.h"

namespace wb {

class Model {
 public:
  /// Computes in kernels.precision. Parameters start as zeros: see init.h. Errors: validate(config)'s; no
  /// kernels chosen.
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

  /// In bf16: rounds the parameters for the passes, unless parameters() was not called since the last time.
  /// forward() begins with it. Code that launches a recorded forward pass calls it first.
  void round_parameters(cudaStream_t stream = nullptr);

  /// Gradients of scale times the mean loss of the forward pass just before it. Clears the gradient arena
  /// first, unless told to accumulate: with a scale of 1 / n, n batches add up to the gradient of one large
  /// batch. Consumes the activations: call it once per forward pass.
  void backward(const int* tokens,   // (B, T)
                const int* targets,  // (B, T)
                cudaStream_t stream = nullptr, float scale = 1.0f, bool accumulate = false);

  const ModelConfig& config() const { return config_; }
  const KernelSet& kernels() const { return kernels_; }
  Precision precision() const { return kernels_.precision; }
  /// Always in fp32. The caller may write them, so in bf16 the next forward pass rounds them again.
  Arena& parameters() {
    parameters_changed();
    return parameters_;
  }
  const Arena& parameters() const { return parameters_; }
  /// To be called after parameters were written through a pointer of an earlier parameters(). Launches
  /// nothing.
  void parameters_changed() { copy_is_current_ = false; }
  /// In fp32 always.
  Arena& gradients() { return gradients_; }
  /// Activations and their gradients: one arena.
  Arena& activations() { return passes_->activations(); }

 private:
  ModelConfig config_;
  KernelSet kernels_;
  Arena parameters_;
  Arena gradients_;
  DeviceBuffer<bf16> copy_;  // in bf16: the parameters, rounded, at the same offsets
  bool copy_is_current_ = false;
  std::unique_ptr<Passes> passes_;
};

}  // namespace wb
