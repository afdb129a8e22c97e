// The preconditions that every Muon launcher checks, and its scratch memory in parts.
#pragma once

#include "07_tinyllama/muon.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

inline void require_muon(const float* parameters, const float* gradients, const float* momentum,
                         const float* scratch, int r, int c, NewtonSchulz::Function* orthogonalize,
                         Matmul::Function* matmul) {
  constexpr int kMost = 1 << 30;
  WB_REQUIRE(r >= 1 && r <= kMost, r);
  WB_REQUIRE(c >= 1 && c <= kMost, c);
  WB_REQUIRE(parameters != nullptr && is_aligned(parameters), parameters);
  WB_REQUIRE(gradients != nullptr && is_aligned(gradients), gradients);
  WB_REQUIRE(momentum != nullptr && is_aligned(momentum), momentum);
  WB_REQUIRE(scratch != nullptr && is_aligned(scratch), scratch);
  WB_REQUIRE(orthogonalize != nullptr, orthogonalize == nullptr);
  WB_REQUIRE(matmul != nullptr, matmul == nullptr);
}

struct MuonScratch {
  float* update;    // (R, C)
  float* iterates;  // (newton_schulz_scratch_size(R, C)), for newton_schulz
};

inline MuonScratch divide_muon_scratch(float* scratch, int r, int c) {
  const auto rows = static_cast<std::size_t>(r), columns = static_cast<std::size_t>(c);
  return {scratch, scratch + detail::newton_schulz_rounded(rows * columns)};
}

}  // namespace wb
