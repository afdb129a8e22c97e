// tf32: the part of a float that tensor cores read, its 8 bits of exponent and 10 of its 23 bits of mantissa.
#pragma once

#include <bit>
#include <cstdint>

namespace wb {

/// The nearest number that tf32 can hold; ties away from zero, as the instruction cvt.rna.tf32.f32. NaN and
/// infinities stay.
inline float round_to_tf32(float value) {
  constexpr std::uint32_t kExponent = 0x7f800000u;
  constexpr std::uint32_t kDropped = 0x1fffu;  // 13 bits of mantissa
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & kExponent) == kExponent) return value;
  return std::bit_cast<float>((bits + (kDropped + 1) / 2) & ~kDropped);
}

}  // namespace wb
