// What a forward pass keeps for the backward pass, and the backward pass's own memory.
#pragma once

#include <vector>

#include "07_tinyllama/trainer/arena.h"
#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/kv_layout.h"

namespace wb {

/// One layer's. N = B*T. Keys and values are the KvPath's.
struct LayerActivations {
  float* input = nullptr;            // (N, C), the residual stream as the layer receives it
  float* input_norm = nullptr;       // (N, C)
  float* input_rstd = nullptr;       // (N)
  float* q = nullptr;                // (N, H*D), rotated
  float* attention_saved = nullptr;  // what the attention implementation asks for
  float* attention = nullptr;        // (N, H*D)
  float* middle = nullptr;           // (N, C), the residual stream after attention
  float* middle_norm = nullptr;      // (N, C)
  float* middle_rstd = nullptr;      // (N)
  float* gate = nullptr;             // (N, F)
  float* up = nullptr;               // (N, F)
  float* product = nullptr;          // (N, F), silu(gate) * up
};

struct Activations {
  std::vector<LayerActivations> layers;
  float* output = nullptr;       // (N, C), the residual stream after the last layer
  float* output_norm = nullptr;  // (N, C)
  float* output_rstd = nullptr;  // (N)
  float* logits = nullptr;       // (N, V); the backward pass overwrites it with its gradient
  float* lse = nullptr;          // (N)
  float* losses = nullptr;       // (N)
  float* branch = nullptr;  // (N, C), what a branch adds to the residual stream; its gradient in backward

  // Gradients, shared by all layers: one layer is worked on at a time.
  float* dresidual = nullptr;          // (N, C)
  float* dnorm = nullptr;              // (N, C)
  float* dproduct = nullptr;           // (N, F)
  float* dgate = nullptr;              // (N, F)
  float* dup = nullptr;                // (N, F)
  float* dattention = nullptr;         // (N, H*D)
  float* dq = nullptr;                 // (N, H*D)
  float* attention_scratch = nullptr;  // what the attention implementation asks for
  float* rmsnorm_scratch = nullptr;    // (rmsnorm_backward_scratch(C))
};

/// What attention is called with in a model of this configuration. kv: the heads stored, KvPath::heads().
AttentionShape attention_shape_of(const ModelConfig& config, int kv);

/// The table of all of it, the KvPath's tensors included.
TensorTable activation_table(const ModelConfig& config, const AttentionMemory& attention, const KvPath& kv);
/// The pointers of an arena built from activation_table(config, ...).
Activations activations_of(Arena& arena, const ModelConfig& config);

}  // namespace wb
