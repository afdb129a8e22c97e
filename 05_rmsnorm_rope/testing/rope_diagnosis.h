// What a wrong rotation looks like it was computed from. Tests append it to a failure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "05_rmsnorm_rope/testing/rope_oracle.h"
#include "common/harness/matcher.h"

namespace wb {

/// Names the mistake behind `got`, made from x (B, T, heads, D); empty where none of those known fits.
inline std::string explain_rope(std::span<const float> got, std::span<const double> x,
                                const HeadsShape& shape, const RopeTable& table, RopePairing pairing,
                                double direction) {
  const auto is = [&](std::span<const double> suspect) { return looks_like(got, suspect); };
  const bool half_split = pairing == RopePairing::kHalfSplit;
  if (is(rope_oracle(x, shape, table, pairing, direction))) return "";
  if (is(rope_oracle(x, shape, table, pairing, -direction))) {
    return direction > 0 ? "looks like: turned the other way. The sign of the sine"
                         : "looks like: turned the same way as forward. The gradient turns back: -sine";
  }
  const auto other = half_split ? RopePairing::kInterleaved : RopePairing::kHalfSplit;
  if (is(rope_oracle(x, shape, table, other, direction))) {
    return half_split ? "looks like: neighbors (2i, 2i + 1) were paired, not the halves (i, i + D/2)"
                      : "looks like: the halves (i, i + D/2) were paired, not neighbors (2i, 2i + 1)";
  }

  const std::vector<double> right = rope_oracle(x, shape, table, pairing, direction);
  std::vector<double> overwritten = right, exchanged(x.size());
  const auto width = static_cast<std::size_t>(shape.d), pairs = width / 2;
  const auto heads = static_cast<std::size_t>(shape.heads), batches = static_cast<std::size_t>(shape.b);
  for (std::size_t head = 0; head < x.size() / width; ++head) {
    const std::size_t token = head / heads;
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      const std::size_t i = head * width + (half_split ? pair : 2 * pair);
      const std::size_t j = head * width + (half_split ? pair + pairs : 2 * pair + 1);
      const std::size_t at = token % static_cast<std::size_t>(shape.t) * pairs + pair;
      const double sine = direction * static_cast<double>(table.sine[at]);
      overwritten[j] = x[j] * static_cast<double>(table.cosine[at]) + right[i] * sine;
      const std::size_t wrong = token / batches * pairs + pair;
      const double wrong_sine = direction * static_cast<double>(table.sine[wrong]);
      exchanged[i] = x[i] * static_cast<double>(table.cosine[wrong]) - x[j] * wrong_sine;
      exchanged[j] = x[j] * static_cast<double>(table.cosine[wrong]) + x[i] * wrong_sine;
    }
  }
  if (is(overwritten)) {
    return "looks like: y was computed from the new x. Keep both old values before storing either";
  }
  if (is(exchanged)) {
    return "looks like: the position is the token's number / B. Tokens are numbered batch * T + position";
  }
  return "";
}

}  // namespace wb
