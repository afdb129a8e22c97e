// Contract: a bias added to each row and the sum normalized, as one operation.
#pragma once

#include <cuda_runtime.h>

namespace wb {

/// z[i, c] = x[i, c] + bias[c];  mean, rstd and y are those of LayernormForward (layernorm.h) for z, which is
/// not stored: code that needs it again adds x and bias once more.
/// y may be x; nothing else overlaps. Any alignment of a float is legal.
/// Errors: as LayernormForward, and for bias as for the other pointers.
struct BiasLayernormForward {
  static constexpr const char* kName = "bias_layernorm_forward";
  using Function = void(const float* x,      // (N, C)
                        const float* bias,   // (C)
                        const float* gamma,  // (C)
                        const float* beta,   // (C)
                        float* y,            // (N, C)
                        float* mean,         // (N), of z
                        float* rstd,         // (N), of z
                        int n, int c, float epsilon, cudaStream_t stream);
};

}  // namespace wb
