// What every implementation of NewtonSchulz checks before it launches, and how it divides its scratch memory.
#pragma once

#include "02_matmul/matmul_check.h"
#include "02_matmul/newton_schulz.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract.
inline void check_newton_schulz(const float* x, const float* out, const float* scratch, int r, int c,
                                int steps, Matmul::Function* matmul) {
  WB_REQUIRE(r >= 1 && r <= kMaxMatmulSize, r);
  WB_REQUIRE(c >= 1 && c <= kMaxMatmulSize, c);
  WB_REQUIRE(steps >= 0, steps);
  WB_REQUIRE(x != nullptr && is_aligned(x), x);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);
  WB_REQUIRE(scratch != nullptr && is_aligned(scratch), scratch);
  WB_REQUIRE(matmul != nullptr, matmul == nullptr);
}

/// The scratch memory by name.
struct NewtonSchulzScratch {
  float* x;         // (R, C)
  float* gram;      // (S, S), S = min(R, C)
  float* poly;      // (S, S)
  float* partials;  // (kNewtonSchulzPartials)
};

inline NewtonSchulzScratch divide_newton_schulz_scratch(float* scratch, int r, int c) {
  const auto rows = static_cast<std::size_t>(r), columns = static_cast<std::size_t>(c);
  const std::size_t small = std::min(rows, columns);
  const std::size_t square = detail::newton_schulz_rounded(small * small);
  float* gram = scratch + detail::newton_schulz_rounded(rows * columns);
  return {scratch, gram, gram + square, gram + 2 * square};
}

}  // namespace wb
