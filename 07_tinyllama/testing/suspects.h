// What a wrong result of this chapter looks like it was computed from. Tests append it to a failure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/harness/matcher.h"

namespace wb {

/// What a known mistake makes of the same inputs, and its name.
struct Suspect {
  std::vector<double> values;
  std::string mistake;
};

/// "looks like: ..." for the first suspect that `got` agrees with and `expected` does not; else empty.
inline std::string explain_by(const std::vector<Suspect>& suspects, std::span<const float> got,
                              std::span<const double> expected, const Tolerance& tolerance) {
  for (const Suspect& suspect : suspects) {
    const std::vector<float> wrong(suspect.values.begin(), suspect.values.end());
    if (matches(got, suspect.values, tolerance) && !matches(wrong, expected, tolerance)) {
      return "looks like: " + suspect.mistake;
    }
  }
  return "";
}

}  // namespace wb
