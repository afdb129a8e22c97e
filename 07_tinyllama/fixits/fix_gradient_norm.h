// Component: the global norm of all gradients, for clipping, without overflow of the squares.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace wb {

/// The kernels have at most so many blocks, and each stores two floats.
inline constexpr int kGradientNormBlocks = 256;
inline constexpr int kGradientNormScratch = 2 * kGradientNormBlocks;

/// *norm = sqrt(sum of squares of the n gradients), also where a square is too large or too small for a
/// float: the largest magnitude divides every gradient before it is squared. *factor = 1 while the norm is at
/// most max_norm, else max_norm / norm. If a gradient is infinite or NaN, so is the norm, and *factor is 0.
/// The same gradients give the same bits, since no atomics are used. Does not wait for the device.
/// Errors: n < 1, max_norm not more than 0, or a pointer that is null or not aligned to a float throws
/// wb::Error.
struct GradientNorm {
  static constexpr const char* kName = "gradient_norm";
  using Function = void(const float* gradients,  // (n)
                        float* scratch,          // (kGradientNormScratch)
                        float* norm,             // (1)
                        float* factor,           // (1)
                        std::int64_t n, float max_norm, cudaStream_t stream);
};

}  // namespace wb
