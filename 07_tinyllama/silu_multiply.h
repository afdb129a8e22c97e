// Contracts: silu(gate) * up, element by element, and its gradient: the part of SwiGLU that is not a product.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "common/core/bf16.h"

namespace wb {

/// out = silu(gate) * up, silu(z) = z / (1 + exp(-z)). Any alignment of an element is legal.
/// Errors: size < 1, or a pointer that is null or not aligned to an element, throws wb::Error.
struct SiluMultiply {
  static constexpr const char* kName = "silu_multiply";
  using Function = void(const float* gate,  // (size)
                        const float* up,    // (size)
                        float* out,         // (size)
                        std::int64_t size, cudaStream_t stream);
};

/// dgate = dout * up * silu'(gate), silu'(z) = s (1 + z (1 - s)) with s = 1 / (1 + exp(-z));
/// dup = dout * silu(gate). Overwrites both. Errors: as forward.
struct SiluMultiplyBackward {
  static constexpr const char* kName = "silu_multiply_backward";
  using Function = void(const float* dout,  // (size)
                        const float* gate,  // (size)
                        const float* up,    // (size)
                        float* dgate,       // (size)
                        float* dup,         // (size)
                        std::int64_t size, cudaStream_t stream);
};

/// The same in bf16: computed in fp32, rounded once when stored.
struct SiluMultiplyBf16 {
  static constexpr const char* kName = "silu_multiply_bf16";
  using Function = void(const bf16* gate,  // (size)
                        const bf16* up,    // (size)
                        bf16* out,         // (size)
                        std::int64_t size, cudaStream_t stream);
};

struct SiluMultiplyBackwardBf16 {
  static constexpr const char* kName = "silu_multiply_backward_bf16";
  using Function = void(const bf16* dout,  // (size)
                        const bf16* gate,  // (size)
                        const bf16* up,    // (size)
                        bf16* dgate,       // (size)
                        bf16* dup,         // (size)
                        std::int64_t size, cudaStream_t stream);
};

}  // namespace wb
