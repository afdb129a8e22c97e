// Contracts: layer normalization (Ba, Kiros and Hinton, 2016) and its gradient.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>

#include "common/core/bf16.h"

namespace wb {

/// Widest row: up to here a float counts columns exactly, as merging mean and variance needs.
inline constexpr int kLayernormMaxColumns = 1 << 24;

/// mean[i] = mean over c of x[i, c];  rstd[i] = 1 / sqrt(mean over c of (x[i, c] - mean[i])^2 + epsilon);
/// y[i, c] = (x[i, c] - mean[i]) * rstd[i] * gamma[c] + beta[c].
/// The variance divides by C, not C - 1. A small variance beside a large mean stays accurate.
/// y may be x; nothing else overlaps. Any alignment of a float is legal.
/// Errors: n < 1, c outside [1, kLayernormMaxColumns], epsilon < 0, a null or misaligned pointer throws
/// wb::Error.
struct LayernormForward {
  static constexpr const char* kName = "layernorm_forward";
  using Function = void(const float* x,      // (N, C)
                        const float* gamma,  // (C)
                        const float* beta,   // (C)
                        float* y,            // (N, C)
                        float* mean,         // (N), kept for the backward pass
                        float* rstd,         // (N), kept for the backward pass
                        int n, int c, float epsilon, cudaStream_t stream);
};

/// The same with bf16 in memory. It computes in float and rounds y once; mean and rstd stay float.
struct LayernormForwardBf16 {
  static constexpr const char* kName = "layernorm_forward_bf16";
  using Function = void(const bf16* x,      // (N, C)
                        const bf16* gamma,  // (C)
                        const bf16* beta,   // (C)
                        bf16* y,            // (N, C)
                        float* mean,        // (N), kept for the backward pass
                        float* rstd,        // (N), kept for the backward pass
                        int n, int c, float epsilon, cudaStream_t stream);
};

/// Floats of scratch that any backward may use: partial sums of dgamma and dbeta, (2, kLayernormPartials, C).
inline constexpr int kLayernormPartials = 512;
inline std::size_t layernorm_backward_scratch(int n, int c) {
  return 2 * static_cast<std::size_t>(std::min(n, kLayernormPartials)) * static_cast<std::size_t>(c);
}

/// The gradients of sum(dy * y). Overwrites dx; adds to dgamma and dbeta (parameter gradients accumulate,
/// activation gradients do not). Nothing overlaps.
/// The same call gives the same bits, except from `atomics`: it adds in whatever order blocks finish, so the
/// last bits of its dgamma and dbeta differ from run to run.
/// Errors: as forward.
struct LayernormBackward {
  static constexpr const char* kName = "layernorm_backward";
  using Function = void(const float* dy,     // (N, C)
                        const float* x,      // (N, C)
                        const float* gamma,  // (C)
                        const float* mean,   // (N)
                        const float* rstd,   // (N)
                        float* dx,           // (N, C)
                        float* dgamma,       // (C)
                        float* dbeta,        // (C)
                        float* scratch,      // (layernorm_backward_scratch(n, c))
                        int n, int c, cudaStream_t stream);
};

/// The same with bf16 in memory. What adds up, dgamma, dbeta and scratch, stays float.
struct LayernormBackwardBf16 {
  static constexpr const char* kName = "layernorm_backward_bf16";
  using Function = void(const bf16* dy,     // (N, C)
                        const bf16* x,      // (N, C)
                        const bf16* gamma,  // (C)
                        const float* mean,  // (N)
                        const float* rstd,  // (N)
                        bf16* dx,           // (N, C)
                        float* dgamma,      // (C)
                        float* dbeta,       // (C)
                        float* scratch,     // (layernorm_backward_scratch(n, c))
                        int n, int c, cudaStream_t stream);
};

}  // namespace wb
