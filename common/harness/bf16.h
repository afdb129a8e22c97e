// bf16 arrays in tests and benchmarks: kernels are compared with oracles that read the same rounded inputs.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "common/core/bf16.h"
#include "common/core/parallel_ranges.h"
#include "common/harness/matcher.h"

namespace wb {

/// Half the relative distance between neighboring bf16 numbers: the largest error of rounding a result to
/// bf16.
inline constexpr double kBf16Rounding = 1.0 / 256;

/// `arithmetic`, plus the error of storing a result as T, float or bf16.
template <class T>
Tolerance stored_as(Tolerance arithmetic) {
  if (std::is_same_v<T, bf16>) arithmetic.relative += kBf16Rounding;
  return arithmetic;
}

/// The nearest numbers that T, float or bf16, can hold.
template <class T>
std::vector<T> from_float(std::span<const float> values) {
  std::vector<T> stored(values.size());
  parallel_ranges(values.size(), std::size_t{1} << 22, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) stored[i] = from_float<T>(values[i]);
  });
  return stored;
}

inline std::vector<bf16> to_bf16(std::span<const float> values) {
  return from_float<bf16>(values);
}

/// The same numbers as floats, without rounding. The harness's poison (all bits set) stays recognizable.
inline std::vector<float> to_float(std::span<const bf16> values) {
  std::vector<float> floats;
  floats.reserve(values.size());
  for (const bf16 value : values) {
    const bool is_poison = std::bit_cast<std::uint16_t>(value) == 0xFFFF;
    floats.push_back(is_poison ? std::bit_cast<float>(0xFFBFFFFFu) : to_float(value));
  }
  return floats;
}

/// The overload for float, for templates over the type in memory.
inline std::vector<float> to_float(std::span<const float> values) {
  return {values.begin(), values.end()};
}

/// These numbers as a bf16 kernel sees them: rounded to bf16 and back.
inline std::vector<float> rounded_to_bf16(std::span<const float> values) {
  return to_float(to_bf16(values));
}

}  // namespace wb
