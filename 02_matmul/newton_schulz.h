// Contract: orthogonalizes a matrix by the quintic Newton-Schulz iteration of Muon (Jordan et al., 2024).
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>

#include "02_matmul/matmul.h"

namespace wb {

/// One step is X <- a X + b (X X^T) X + c (X X^T)^2 X: every singular value s becomes a s + b s^3 + c s^5.
inline constexpr float kNewtonSchulzA = 3.4445f;
inline constexpr float kNewtonSchulzB = -4.7750f;
inline constexpr float kNewtonSchulzC = 2.0315f;
/// As in Muon. They bring every singular value from 0.0016 to 1 (after the division by the norm) into
/// [0.681, 1.203]; a smaller value grows at most by a factor of 485.
inline constexpr int kNewtonSchulzSteps = 5;
/// Added to the norm, so that a matrix of zeros stays one.
inline constexpr float kNewtonSchulzEpsilon = 1e-7f;

namespace detail {
/// Parts of the scratch memory start at a multiple of 16 bytes, if it does.
inline constexpr std::size_t newton_schulz_rounded(std::size_t floats) {
  return (floats + 3) / 4 * 4;
}
}  // namespace detail

/// How many partial sums the norm may use.
inline constexpr int kNewtonSchulzPartials = 256;

/// Floats of scratch memory that a call needs: a matrix (R, C), two of (S, S) with S = min(R, C), and the
/// partial sums of the norm, in this order and each rounded up to four floats.
inline constexpr std::size_t newton_schulz_scratch_size(int r, int c) {
  const auto rows = static_cast<std::size_t>(r), columns = static_cast<std::size_t>(c);
  const std::size_t small = std::min(rows, columns);
  return detail::newton_schulz_rounded(rows * columns) + 2 * detail::newton_schulz_rounded(small * small) +
         kNewtonSchulzPartials;
}

/// out = X after `steps` steps, from X = x / (||x||_F + 1e-7). Steps of a tall matrix (R > C) are those of
/// its transpose: X <- a X + b X (X^T X) + c X (X^T X)^2, so that the square matrices are the small ones.
/// `out` may be `x`; otherwise nothing overlaps. ||x||_F^2 must be finite in fp32. NaN anywhere makes all of
/// out NaN. The same call gives the same bits. Never waits for the device.
/// Errors: r or c < 1 or > 2^30, steps < 0, or a pointer that is null or not aligned to a float, throws
/// wb::Error.
struct NewtonSchulz {
  static constexpr const char* kName = "newton_schulz";
  using Function = void(const float* x,  // (R, C)
                        float* out,      // (R, C)
                        float* scratch,  // (newton_schulz_scratch_size(R, C))
                        int r, int c,    //
                        int steps,       // kNewtonSchulzSteps, but for tests; 0 only divides by the norm
                        Matmul::Function* matmul, cudaStream_t stream);
};

}  // namespace wb
