// Contracts: token embedding, and its gradient.
#pragma once

#include <cuda_runtime.h>

#include "common/core/bf16.h"

namespace wb {

/// out[i] = weight[tokens[i]]. Tokens lie in [0, V): the caller's duty, since they are on the device.
/// Errors: n or c < 1, or a pointer that is null or not aligned to its element, throws wb::Error.
struct EmbeddingForward {
  static constexpr const char* kName = "embedding_forward";
  using Function = void(const int* tokens,    // (N)
                        const float* weight,  // (V, C)
                        float* out,           // (N, C)
                        int n, int c, cudaStream_t stream);
};

/// dweight[tokens[i]] += dout[i]. The same call gives the same bits. Errors: as forward.
struct EmbeddingBackward {
  static constexpr const char* kName = "embedding_backward";
  using Function = void(const int* tokens,  // (N)
                        const float* dout,  // (N, C)
                        float* dweight,     // (V, C)
                        int n, int c, cudaStream_t stream);
};

/// The same with table and activations in bf16. The table's gradient stays fp32: it is a sum.
struct EmbeddingForwardBf16 {
  static constexpr const char* kName = "embedding_forward_bf16";
  using Function = void(const int* tokens,   // (N)
                        const bf16* weight,  // (V, C)
                        bf16* out,           // (N, C)
                        int n, int c, cudaStream_t stream);
};

struct EmbeddingBackwardBf16 {
  static constexpr const char* kName = "embedding_backward_bf16";
  using Function = void(const int* tokens,  // (N)
                        const bf16* dout,   // (N, C)
                        float* dweight,     // (V, C)
                        int n, int c, cudaStream_t stream);
};

}  // namespace wb
