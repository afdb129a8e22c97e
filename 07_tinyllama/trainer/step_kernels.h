// The trainer's own two small kernels: the mean of the losses, and the batch.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace wb {

/// *mean = sum of losses / n, in a fixed order. Errors: n < 1 or a null pointer throws wb::Error.
void mean_loss(const float* losses,  // (n)
               float* mean,          // (1)
               int n, cudaStream_t stream);

/// Row b of the batch is text[s .. s + T], s random from (seed, step, b); targets are the tokens one later.
/// Errors: a size < 1, length < t + 1, or a null pointer throws wb::Error.
void text_batch(const unsigned char* text,  // (length)
                std::int64_t length,        //
                int* tokens,                // (B, T)
                int* targets,               // (B, T)
                int b, int t, std::uint64_t seed, int step, cudaStream_t stream);

/// Every token random in [0, v) from (seed, step, b, t); targets are the tokens one later.
/// Errors: a size < 1 or a null pointer throws wb::Error.
void random_batch(int* tokens,   // (B, T)
                  int* targets,  // (B, T)
                  int b, int t, int v, std::uint64_t seed, int step, cudaStream_t stream);

}  // namespace wb
