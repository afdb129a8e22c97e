// Whether a model can be trained in a given amount of memory. Options are checked with it before anything is
// allocated.
#pragma once

#include "07_tinyllama/trainer/config.h"

namespace wb {

/// Bytes that training takes in any precision, at the least: a master copy, gradients and AdamW's two
/// moments, and the residual stream of every layer. Computed without building a table, so it is fast even for
/// a million layers.
double least_bytes(const ModelConfig& config);

/// Errors: a model that cannot fit into `memory_bytes` throws Error. 0 bytes: unknown, nothing is refused.
void require_fits(const ModelConfig& config, double memory_bytes);

}  // namespace wb
