// A small language model whose backward pass is recorded while its forward pass runs: a framework's autograd,
// without the framework. Given to you; what runs on it is the exercise.
//
//   tokens -> embedding -> L x [ x + down(swiglu(rmsnorm(x))) ] -> rmsnorm -> logits (tied head) -> mean loss
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/arena.h"
#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/kernels.h"

namespace wb {

/// What to do backwards. Forward records a function for each operation; backward calls them, the last first.
class Tape {
 public:
  void record(std::function<void()> gradient) { gradients_.push_back(std::move(gradient)); }
  void play_backward() {
    for (auto gradient = gradients_.rbegin(); gradient != gradients_.rend(); ++gradient) (*gradient)();
    gradients_.clear();
  }
  std::size_t size() const { return gradients_.size(); }

 private:
  std::vector<std::function<void()>> gradients_;
};

/// Values on the device, and the gradient of the loss with respect to them. Every gradient is 0 before
/// backward.
struct Tensor {
  float* value = nullptr;
  float* gradient = nullptr;
};

/// The memory of the model. N = B*T; the config's heads are not used.
struct TapedModel {
  struct Layer {
    Tensor norm_weight;        // (C)
    Tensor gate_proj;          // (F, C)
    Tensor up_proj;            // (F, C)
    Tensor down_proj;          // (C, F)
    Tensor input;              // (N, C), the residual stream as the layer receives it
    Tensor normed;             // (N, C)
    Tensor gate, up, product;  // (N, F), product = silu(gate) * up
    Tensor branch;             // (N, C), what the layer adds to the residual stream
    float* rstd = nullptr;     // (N), rmsnorm's
  };

  /// Parameters start as matrices N(0, std) and norms of 1.
  TapedModel(const ModelConfig& config, std::uint64_t seed, float std);
  TapedModel(const TapedModel&) = delete;
  TapedModel& operator=(const TapedModel&) = delete;

  /// All gradients, those of the activations too.
  void zero_gradients();

  ModelConfig config;
  KernelSet kernels;
  Arena parameters, parameter_gradients;
  Arena activations, activation_gradients;

  Tensor embedding;  // (V, C), also the output matrix
  Tensor norm;       // (C)
  std::vector<Layer> layers;
  Tensor output, output_norm;     // (N, C)
  Tensor logits;                  // (N, V)
  float* output_rstd = nullptr;   // (N)
  float* lse = nullptr;           // (N)
  float* losses = nullptr;        // (N)
  float* dx = nullptr;            // (N, C), for gradients that are added to others
  float* norm_scratch = nullptr;  // rmsnorm_backward_scratch(C)
};

}  // namespace wb
