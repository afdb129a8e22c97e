// How much of the model received a gradient: a check that finds a part that the backward pass leaves out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/arena.h"

namespace wb {

/// A tensor counts when at least one element of its gradient is finite and not zero.
struct GradientCoverage {
  int tensors = 0;                    // in the table
  int covered_tensors = 0;            //
  std::int64_t elements = 0;          // in the table, without padding
  std::int64_t covered_elements = 0;  // elements whose own gradient is finite and not zero
  std::int64_t not_finite = 0;        // elements whose gradient is NaN or infinite
  std::vector<std::string> missing;   // names of the tensors that do not count

  /// 1 when every tensor received a gradient.
  double tensor_share() const { return tensors == 0 ? 0.0 : static_cast<double>(covered_tensors) / tensors; }
};

/// Counts over a gradient arena; waits. Call it after a backward pass and before the next.
GradientCoverage gradient_coverage(const Arena& gradients);

}  // namespace wb
