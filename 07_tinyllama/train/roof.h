// How fast this device could be, measured for a fraction of a second before the training starts.
#pragma once

#include "07_tinyllama/trainer/trainer.h"

namespace wb {

struct Roofs {
  double flops = 0.0;             // per second, of a large matrix product as the model computes them
  double bytes_per_second = 0.0;  // of a device-to-device copy, read plus written
  int matmul_size = 0;            // rows and columns of that product
};

/// Runs a square product and a copy a few times and takes the fastest. Needs up to 200 MiB for a moment.
Roofs measure_roofs(const KernelSet& kernels);

/// FLOPs that training needs per token, forward and backward: 6 per element of the matrices, the embedding
/// counted once (as the head), and 6 L T C for attention, whose causal half is all that is needed. Norms,
/// RoPE, SiLU and the softmax are left out: they are no matrix products and less than a hundredth of it.
double flops_per_token(const ModelConfig& config);

/// Bytes that a step of AdamW moves at least: 28 per parameter. Muon's own are fewer.
double optimizer_bytes(const ModelConfig& config);

/// The seconds below which no step of so many tokens can be: products at their roof, then the optimizer's
/// bytes at theirs.
double least_step_seconds(const ModelConfig& config, double tokens, const Roofs& roofs);

}  // namespace wb
