// Contracts: the gated feed-forward's first half, silu(X Wg^T) * (X Wu^T) (Shazeer, 2020), and its gradient;
// fp32, or bf16 with fp32 gradients of the weights.
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

/// The same of bf16: computed in fp32, each array rounded once when stored. out is of gate and up as stored,
/// which is how the backward pass meets them. Errors: as in fp32.
struct SwigluForwardBf16 {
  static constexpr const char* kName = "swiglu_forward_bf16";
  using Function = void(const bf16* x,       // (N, C)
                        const bf16* w_gate,  // (F, C)
                        const bf16* w_up,    // (F, C)
                        bf16* gate,          // (N, F), kept for the backward pass
                        bf16* up,            // (N, F), kept for the backward pass
                        bf16* out,           // (N, F)
                        int n, int c, int f, MatmulBf16::Function* matmul, cudaStream_t stream);
};

/// Overwrites dgate, dup and dx; adds to dw_gate and dw_up, which are fp32: they add up over many calls.
/// dx, dw_gate and dw_up are of dgate and dup as stored. dx is a sum of two products, of which the first may
/// be rounded before the second adds to it. `matmul_to_float` is the product for the weights.
/// Errors: as in fp32, for both products.
struct SwigluBackwardBf16 {
  static constexpr const char* kName = "swiglu_backward_bf16";
  using Function = void(const bf16* dout,    // (N, F)
                        const bf16* x,       // (N, C)
                        const bf16* w_gate,  // (F, C)
                        const bf16* w_up,    // (F, C)
                        const bf16* gate,    // (N, F)
                        const bf16* up,      // (N, F)
                        bf16* dgate,         // (N, F)
                        bf16* dup,           // (N, F)
                        bf16* dx,            // (N, C)
                        float* dw_gate,      // (F, C)
                        float* dw_up,        // (F, C)
                        int n, int c, int f, MatmulBf16::Function* matmul,
                        MatmulBf16ToFloat::Function* matmul_to_float, cudaStream_t stream);
};

}  // namespace wb
