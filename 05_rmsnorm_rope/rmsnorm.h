// Contracts: root-mean-square normalization (Zhang and Sennrich, 2019) and its gradient.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

#include "common/core/bf16.h"

namespace wb {

/// rstd[i] = 1 / sqrt(mean_c x[i, c]^2 + epsilon);  y[i, c] = x[i, c] * rstd[i] * weight[c].
/// Nothing overlaps. Any alignment of a float is legal.
/// Errors: n or c < 1, epsilon < 0, a null or misaligned pointer throws wb::Error.
struct RmsnormForward {
  static constexpr const char* kName = "rmsnorm_forward";
  using Function = void(const float* x,       // (N, C)
                        const float* weight,  // (C)
                        float* y,             // (N, C)
                        float* rstd,          // (N), kept for the backward pass
                        int n, int c, float epsilon, cudaStream_t stream);
};

/// The same with bf16 in memory. It computes in float and rounds y once; rstd stays float.
struct RmsnormForwardBf16 {
  static constexpr const char* kName = "rmsnorm_forward_bf16";
  using Function = void(const bf16* x,       // (N, C)
                        const bf16* weight,  // (C)
                        bf16* y,             // (N, C)
                        float* rstd,         // (N), kept for the backward pass
                        int n, int c, float epsilon, cudaStream_t stream);
};

/// Floats of scratch that any rmsnorm backward may use: partial sums of dweight, (kRmsnormPartials, C).
inline constexpr int kRmsnormPartials = 512;
inline std::size_t rmsnorm_backward_scratch(int c) {
  return static_cast<std::size_t>(kRmsnormPartials) * static_cast<std::size_t>(c);
}

/// Overwrites dx; adds to dweight (parameter gradients accumulate, activation gradients do not).
/// Nothing overlaps. The same call gives the same bits.
/// Errors: as forward.
struct RmsnormBackward {
  static constexpr const char* kName = "rmsnorm_backward";
  using Function = void(const float* dy,      // (N, C)
                        const float* x,       // (N, C)
                        const float* weight,  // (C)
                        const float* rstd,    // (N)
                        float* dx,            // (N, C)
                        float* dweight,       // (C)
                        float* scratch,       // (rmsnorm_backward_scratch(c))
                        int n, int c, cudaStream_t stream);
};

/// The same with bf16 in memory. What adds up, dweight and scratch, stays float.
struct RmsnormBackwardBf16 {
  static constexpr const char* kName = "rmsnorm_backward_bf16";
  using Function = void(const bf16* dy,      // (N, C)
                        const bf16* x,       // (N, C)
                        const bf16* weight,  // (C)
                        const float* rstd,   // (N)
                        bf16* dx,            // (N, C)
                        float* dweight,      // (C)
                        float* scratch,      // (rmsnorm_backward_scratch(c))
                        int n, int c, cudaStream_t stream);
};

}  // namespace wb
