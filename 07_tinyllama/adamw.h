// Contracts: one AdamW step (Loshchilov and Hutter, 2019) over a flat array of parameters.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "common/core/bf16.h"

namespace wb {

struct AdamWConfig {
  float learning_rate = 3e-4f;
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  float weight_decay = 0.01f;
};

/// p -= lr * weight_decay * p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
/// p -= lr * (m / (1 - b1^step)) / (sqrt(v / (1 - b2^step)) + epsilon). As torch.optim.AdamW.
/// Errors: n < 0, step < 1, or, with n > 0, a pointer that is null or not aligned to its element, throws
/// wb::Error.
struct AdamW {
  static constexpr const char* kName = "adamw";
  using Function = void(float* parameters,       // (n)
                        const float* gradients,  // (n)
                        float* m,                // (n), zero before the first step
                        float* v,                // (n), zero before the first step
                        std::int64_t n, const AdamWConfig& config,
                        int step,  // counts from 1
                        cudaStream_t stream);
};

/// The same for a model that computes in bf16. The parameters stay fp32 (the master copy: a step is often
/// smaller than half the distance of two bf16 numbers, and would be rounded away); `copy` receives them
/// rounded to bf16, for the next forward pass. Errors: as AdamW, copy included.
struct AdamWBf16 {
  static constexpr const char* kName = "adamw_bf16";
  using Function = void(float* parameters,       // (n)
                        const float* gradients,  // (n)
                        float* m,                // (n)
                        float* v,                // (n)
                        bf16* copy,              // (n), overwritten
                        std::int64_t n, const AdamWConfig& config, int step, cudaStream_t stream);
};

}  // namespace wb
