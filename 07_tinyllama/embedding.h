// Contracts: token embedding, and its gradient.
#pragma once

#include <cuda_runtime.h>

namespace wb {

/// out[i] = weight[tokens[i]]. Tokens lie in [0, V): the caller's duty, since they are on the device.
/// Errors: n or c < 1, or a null pointer, throws wb::Error.
struct EmbeddingForward {
  static constexpr const char* kName = "embedding_forward";
  using Function = void(const int* tokens,    // (N)
                        const float* weight,  // (V, C)
                        float* out,           // (N, C)
                        int n, int c, cudaStream_t stream);
};

/// dweight[tokens[i]] += dout[i]. Errors: as forward.
struct EmbeddingBackward {
  static constexpr const char* kName = "embedding_backward";
  using Function = void(const int* tokens,  // (N)
                        const float* dout,  // (N, C)
                        float* dweight,     // (V, C)
                        int n, int c, cudaStream_t stream);
};

}  // namespace wb
