// Contract: a linear layer with bias and GELU in one call, of bf16 matrices, as transformers before SwiGLU
// have them in their feed-forward layer.
#pragma once

#include <cuda_runtime.h>

#include "common/core/bf16.h"

namespace wb {

/// y = gelu(x w^T + bias), with gelu(z) = 0.5 z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))): the
/// approximation with tanh of D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", 2016, which
/// GPT-2 uses. Sums are fp32, z is fp32, and y is rounded once. A bias that is NaN makes its column NaN, a
/// row of x that holds NaN makes its row NaN. y overlaps no input. The same call gives the same bits. Errors:
/// m, n or k < 1 or > 2^30, or a pointer that is null or not aligned to its element, throws wb::Error.
struct MatmulBiasGeluBf16 {
  static constexpr const char* kName = "matmul_bias_gelu_bf16";
  using Function = void(const bf16* x,     // (M, K)
                        const bf16* w,     // (N, K)
                        const bf16* bias,  // (N)
                        bf16* y,           // (M, N)
                        int m, int n, int k, cudaStream_t stream);
};

}  // namespace wb
