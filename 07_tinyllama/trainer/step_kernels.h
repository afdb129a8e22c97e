// The trainer's own two small kernels: the mean of the losses, and the batch.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "07_tinyllama/trainer/batch_start.h"

namespace wb {

/// *mean = sum of losses / n, in a fixed order. Errors: n < 1 or a null pointer throws wb::Error.
void mean_loss(const float* losses,  // (n)
               float* mean,          // (1)
               int n, cudaStream_t stream);

/// Row r of the batch is source[s .. s + T], s = row_start(plan, batch, r, B, T); targets are the tokens one
/// later. `width`: bytes per token, 1 or 2. Errors: a size < 1, a plan of fewer than T + 1 tokens, another
/// width, or a null pointer throws wb::Error.
void token_batch(const void* source,  // (plan.length), `width` bytes each
                 int width, const RowPlan& plan,
                 int* tokens,   // (B, T)
                 int* targets,  // (B, T)
                 int b, int t, int batch, cudaStream_t stream);

/// Every token random in [0, v) from (seed, batch, b, t); targets are the tokens one later.
/// Errors: a size < 1 or a null pointer throws wb::Error.
void random_batch(int* tokens,   // (B, T)
                  int* targets,  // (B, T)
                  int b, int t, int v, std::uint64_t seed, int batch, cudaStream_t stream);

}  // namespace wb
