#include "07_tinyllama/trainer/coverage.h"

#include <cmath>

namespace wb {

GradientCoverage gradient_coverage(const Arena& gradients) {
  GradientCoverage coverage;
  for (const TensorEntry& entry : gradients.table().entries()) {
    std::int64_t covered = 0;
    for (const float gradient : gradients.download(entry.name)) {
      if (!std::isfinite(gradient)) {
        ++coverage.not_finite;
      } else if (gradient != 0.0f) {
        ++covered;
      }
    }
    ++coverage.tensors;
    coverage.elements += entry.elements();
    coverage.covered_elements += covered;
    if (covered != 0) {
      ++coverage.covered_tensors;
    } else {
      coverage.missing.push_back(entry.name);
    }
  }
  return coverage;
}

}  // namespace wb
