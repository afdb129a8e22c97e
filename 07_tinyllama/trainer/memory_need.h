// Whether a model can be trained in some memory at all: a question for options, before anything is allocated.
#pragma once

#include "07_tinyllama/trainer/config.h"

namespace wb {

/// Bytes that training takes in any precision, at the least: a master copy, gradients and AdamW's two
/// moments, and the residual stream of every layer. Computed without building a table, so a million layers
/// cost nothing.
double least_bytes(const ModelConfig& config);

/// Errors: a model that cannot fit into `memory_bytes` throws Error. 0 bytes: unknown, nothing is refused.
void require_fits(const ModelConfig& config, double memory_bytes);

}  // namespace wb
