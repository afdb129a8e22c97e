// The histogram by its definition, and inputs for it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/core/rng.h"

namespace wb {

inline std::vector<double> histogram_oracle(const std::vector<int>& x, int bins) {
  std::vector<double> counts(static_cast<std::size_t>(bins));
  for (const int value : x) {
    if (value >= 0 && value < bins) counts[static_cast<std::size_t>(value)] += 1;
  }
  return counts;
}

/// n random values in 0 .. bins - 1; of each ten elements, on average `tenths` are bin 0 instead.
inline std::vector<int> random_bins(std::size_t n, int bins, std::uint64_t seed, int tenths = 0) {
  Rng rng(seed);
  std::vector<int> x(n);
  for (int& value : x) {
    const bool is_first = rng.uniform(0.0, 10.0) < static_cast<double>(tenths);
    const int drawn = static_cast<int>(rng.uniform(0.0, static_cast<double>(bins)));
    value = is_first ? 0 : std::min(drawn, bins - 1);
  }
  return x;
}

/// The counts as the matcher takes them; exact below 2^24.
inline std::vector<float> to_float(const std::vector<int>& counts) {
  return {counts.begin(), counts.end()};
}

}  // namespace wb
