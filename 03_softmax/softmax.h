// Contracts: softmax of each row, and its gradient.
#pragma once

#include <cuda_runtime.h>

#include "common/core/bf16.h"

namespace wb {

/// y[r, c] = exp(x[r, c] - max_r) / sum_c exp(x[r, c] - max_r).
/// -inf entries become 0; a row of only -inf becomes a row of 0 (masked attention asks for no value).
/// NaN or +inf makes its whole row NaN: what went wrong before must stay visible. Finite values never do.
/// y may be x. Errors: rows or columns < 1, or a null or misaligned pointer, throws wb::Error.
struct SoftmaxForward {
  static constexpr const char* kName = "softmax_forward";
  using Function = void(const float* x,  // (rows, columns)
                        float* y,        // (rows, columns)
                        int rows, int columns, cudaStream_t stream);
};

/// The same with bf16 in memory. It computes in float and rounds y once.
struct SoftmaxForwardBf16 {
  static constexpr const char* kName = "softmax_forward_bf16";
  using Function = void(const bf16* x,  // (rows, columns)
                        bf16* y,        // (rows, columns)
                        int rows, int columns, cudaStream_t stream);
};

/// dx[r, c] = y[r, c] * (dy[r, c] - sum_j dy[r, j] y[r, j]); y is the forward's output. dx may be dy.
/// Errors: as forward.
struct SoftmaxBackward {
  static constexpr const char* kName = "softmax_backward";
  using Function = void(const float* dy,  // (rows, columns)
                        const float* y,   // (rows, columns)
                        float* dx,        // (rows, columns)
                        int rows, int columns, cudaStream_t stream);
};

/// The same with bf16 in memory. It computes in float and rounds dx once.
struct SoftmaxBackwardBf16 {
  static constexpr const char* kName = "softmax_backward_bf16";
  using Function = void(const bf16* dy,  // (rows, columns)
                        const bf16* y,   // (rows, columns)
                        bf16* dx,        // (rows, columns)
                        int rows, int columns, cudaStream_t stream);
};

}  // namespace wb
