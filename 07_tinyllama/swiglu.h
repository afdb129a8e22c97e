// Contracts: the gated feed-forward's first half, silu(X Wg^T) * (X Wu^T) (Shazeer, 2020), and its gradient.
#pragma once

#include <cuda_runtime.h>

#include "02_matmul/matmul.h"
#include "07_tinyllama/silu_multiply.h"

namespace wb {

/// gate = x w_gate^T; up = x w_up^T; out = silu(gate) * up, silu(z) = z / (1 + exp(-z)).
/// `matmul` is the product to use; an implementation that brings its own ignores it.
/// Errors: n, c or f < 1, a pointer that is null (matmul included) or not aligned to a float, throws
/// wb::Error.
struct SwigluForward {
  static constexpr const char* kName = "swiglu_forward";
  using Function = void(const float* x,       // (N, C)
                        const float* w_gate,  // (F, C)
                        const float* w_up,    // (F, C)
                        float* gate,          // (N, F), kept for the backward pass
                        float* up,            // (N, F), kept for the backward pass
                        float* out,           // (N, F)
                        int n, int c, int f, Matmul::Function* matmul, cudaStream_t stream);
};

/// Overwrites dgate, dup and dx; adds to dw_gate and dw_up. Errors: as forward.
struct SwigluBackward {
  static constexpr const char* kName = "swiglu_backward";
  using Function = void(const float* dout,    // (N, F)
                        const float* x,       // (N, C)
                        const float* w_gate,  // (F, C)
                        const float* w_up,    // (F, C)
                        const float* gate,    // (N, F)
                        const float* up,      // (N, F)
                        float* dgate,         // (N, F)
                        float* dup,           // (N, F)
                        float* dx,            // (N, C)
                        float* dw_gate,       // (F, C)
                        float* dw_up,         // (F, C)
                        int n, int c, int f, Matmul::Function* matmul, cudaStream_t stream);
};

}  // namespace wb
