// The tensors that a forward pass keeps for the backward pass, and the tensors of the backward pass itself.
#pragma once

#include <vector>

#include "07_tinyllama/trainer/arena.h"
#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/kv_layout.h"

namespace wb {

/// The activations of one layer, T in memory. N = B*T. Statistics, losses and scratch memory are always
/// float. Keys and values belong to the KvPath.
template <class T>
struct LayerActivations {
  T* input = nullptr;                // (N, C), the residual stream as the layer receives it
  T* input_norm = nullptr;           // (N, C)
  float* input_rstd = nullptr;       // (N)
  T* q = nullptr;                    // (N, H*D), rotated
  float* attention_saved = nullptr;  // the size is chosen by the attention implementation
  T* attention = nullptr;            // (N, H*D)
  T* middle = nullptr;               // (N, C), the residual stream after attention
  T* middle_norm = nullptr;          // (N, C)
  float* middle_rstd = nullptr;      // (N)
  T* gate = nullptr;                 // (N, F)
  T* up = nullptr;                   // (N, F)
  T* product = nullptr;              // (N, F), silu(gate) * up
};

template <class T>
struct Activations {
  std::vector<LayerActivations<T>> layers;
  T* output = nullptr;           // (N, C), the residual stream after the last layer
  T* output_norm = nullptr;      // (N, C)
  float* output_rstd = nullptr;  // (N)
  T* logits = nullptr;           // (N, V); the backward pass overwrites it with its gradient
  float* lse = nullptr;          // (N)
  float* losses = nullptr;       // (N)
  T* branch = nullptr;  // (N, C), what a branch adds to the residual stream; its gradient in backward

  // Gradients, shared by all layers: the backward pass processes one layer at a time.
  T* dresidual = nullptr;              // (N, C)
  T* dnorm = nullptr;                  // (N, C)
  T* dproduct = nullptr;               // (N, F)
  T* dgate = nullptr;                  // (N, F)
  T* dup = nullptr;                    // (N, F)
  T* dattention = nullptr;             // (N, H*D)
  T* dq = nullptr;                     // (N, H*D)
  float* attention_scratch = nullptr;  // what the attention implementation asks for
  float* rmsnorm_scratch = nullptr;    // (rmsnorm_backward_scratch(C))
};

/// The shape with which a model of this configuration calls attention. kv: the heads stored, KvPath::heads().
AttentionShape attention_shape_of(const ModelConfig& config, int kv);

/// The table of all activations, the KvPath's tensors included.
template <class T>
TensorTable activation_table(const ModelConfig& config, const AttentionMemory& attention,
                             const KvPath<T>& kv);
/// The pointers of an arena built from activation_table<T>(config, ...).
template <class T>
Activations<T> activations_of(Arena& arena, const ModelConfig& config);

}  // namespace wb
