// Rotary position embedding as a plain loop in double.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "05_rmsnorm_rope/rope.h"
#include "05_rmsnorm_rope/testing/heads_layouts.h"

namespace wb {

/// x (B, T, heads, D), token-major. direction 1 rotates forward, -1 backward.
inline std::vector<double> rope_oracle(std::span<const double> x, const HeadsShape& shape,
                                       const RopeTable& table, RopePairing pairing, double direction) {
  const auto width = static_cast<std::size_t>(shape.d), pairs = width / 2;
  std::vector<double> rotated(x.begin(), x.end());
  for (std::size_t head = 0; head < x.size() / width; ++head) {
    const std::size_t position =
        head / static_cast<std::size_t>(shape.heads) % static_cast<std::size_t>(shape.t);
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const bool half_split = pairing == RopePairing::kHalfSplit;
      const std::size_t i = head * width + (half_split ? pair : 2 * pair);
      const std::size_t j = head * width + (half_split ? pair + pairs : 2 * pair + 1);
      const double cosine = table.cosine[position * pairs + pair];
      const double sine = direction * table.sine[position * pairs + pair];
      rotated[i] = x[i] * cosine - x[j] * sine;
      rotated[j] = x[j] * cosine + x[i] * sine;
    }
  }
  return rotated;
}

}  // namespace wb
