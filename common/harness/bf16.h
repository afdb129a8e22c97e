// bf16 arrays in tests and benchmarks: kernels are compared with oracles that read the same rounded inputs.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "common/core/bf16.h"

namespace wb {

/// Half the distance between neighbouring bf16 numbers, relative: what rounding a result to bf16 may cost.
inline constexpr double kBf16Rounding = 1.0 / 256;

inline std::vector<bf16> to_bf16(std::span<const float> values) {
  std::vector<bf16> rounded;
  rounded.reserve(values.size());
  for (const float value : values) rounded.push_back(from_float<bf16>(value));
  return rounded;
}

/// The same numbers as floats, exactly. The harness's poison (all bits set) stays recognisable as such.
inline std::vector<float> to_float(std::span<const bf16> values) {
  std::vector<float> floats;
  floats.reserve(values.size());
  for (const bf16 value : values) {
    const bool is_poison = std::bit_cast<std::uint16_t>(value) == 0xFFFF;
    floats.push_back(is_poison ? std::bit_cast<float>(0xFFFFFFFFu) : to_float(value));
  }
  return floats;
}

/// These numbers as a bf16 kernel sees them: rounded to bf16 and back.
inline std::vector<float> rounded_to_bf16(std::span<const float> values) {
  return to_float(std::span<const bf16>(to_bf16(values)));
}

}  // namespace wb
