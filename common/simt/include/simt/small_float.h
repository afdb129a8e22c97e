// 16-bit floating point, half and bfloat16: bits to float and back, rounded as
// hardware rounds, and the operators.
//
// Every operation rounds once. float has more than twice the bits of either type, so that +, -, *, / and sqrt
// computed in float and then rounded give the correctly rounded result (Figueroa, 1995). A fused multiply-add
// needs more care.
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>

namespace simt::small {

enum class Rounding { kNearest, kToZero, kUp, kDown };

/// float -> 16 bits for a format with `kExponent` and `kMantissa` bits, as IEEE 754 has it, subnormals
/// included.
template <int kExponent, int kMantissa>
std::uint16_t round_bits(float value, Rounding rounding) {
  constexpr int kDrop = 23 - kMantissa;
  constexpr int kBias = (1 << (kExponent - 1)) - 1;
  constexpr std::uint32_t kInfinity = ((1u << kExponent) - 1) << kMantissa;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 31;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const auto with_sign = [&](std::uint32_t m) { return static_cast<std::uint16_t>(m | sign << 15); };
  if (magnitude > 0x7f800000u) return 0x7fff;  // the NaN that a GPU returns
  if (magnitude == 0x7f800000u) return with_sign(kInfinity);

  // The significand with its hidden bit, and how many of its low bits go.
  int exponent = static_cast<int>(magnitude >> 23);
  std::uint64_t significand = magnitude & 0x7fffffu;
  if (exponent == 0) {
    exponent = 1;
  } else {
    significand |= 0x800000u;
  }
  int target = exponent - 127 + kBias;
  int drop = kDrop;
  if (target < 1) {
    drop += 1 - target;
    target = 1;
  }
  if (drop > 30) drop = 30;  // all of it is below half of the smallest number
  const std::uint64_t kept = significand >> drop;
  const std::uint64_t rest = significand & ((std::uint64_t{1} << drop) - 1);
  const std::uint64_t half = std::uint64_t{1} << (drop - 1);
  bool up = false;
  switch (rounding) {
    case Rounding::kNearest:
      up = rest > half || (rest == half && (kept & 1) != 0);
      break;
    case Rounding::kToZero:
      break;
    case Rounding::kUp:
      up = rest != 0 && sign == 0;
      break;
    case Rounding::kDown:
      up = rest != 0 && sign == 1;
      break;
  }
  // A carry runs from the significand into the exponent by itself: the fields are adjacent.
  const std::uint64_t result = (static_cast<std::uint64_t>(target - 1) << kMantissa) + kept + (up ? 1 : 0);
  if (result >= kInfinity) {
    const bool to_infinity = rounding == Rounding::kNearest || up ||
                             (rounding == Rounding::kUp && sign == 0) ||
                             (rounding == Rounding::kDown && sign == 1);
    return with_sign(to_infinity ? kInfinity : kInfinity - 1);
  }
  return with_sign(static_cast<std::uint32_t>(result));
}

struct HalfFormat {
  static std::uint16_t from_float(float value) {
    // Normal numbers that stay finite: add just under half a unit, and one more when the last kept bit is
    // odd.
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude - 0x38800000u < 0x477fe000u - 0x38800000u) {  // 2^-14 to 65504
      const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
      return static_cast<std::uint16_t>(((rounded - 0x38000000u) >> 13) | ((bits >> 16) & 0x8000u));
    }
    return round_bits<5, 10>(value, Rounding::kNearest);
  }
  static std::uint16_t from_float(float value, Rounding rounding) {
    return round_bits<5, 10>(value, rounding);
  }
  static float to_float(std::uint16_t bits) {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
    const std::uint32_t magnitude = bits & 0x7fffu;
    if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
    // Multiplying by 2^112 moves the exponent from one bias to the other and normalizes subnormals.
    const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | sign);
  }
};

struct BfloatFormat {
  static std::uint16_t from_float(float value) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
    return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
  }
  static std::uint16_t from_float(float value, Rounding rounding) {
    return round_bits<8, 7>(value, rounding);
  }
  static float to_float(std::uint16_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
};

/// To float, but an inexact result becomes odd: a second rounding to fewer bits is then correct (Boldo,
/// Melquiond, 2008).
inline float round_to_odd(double value) {
  const float nearest = static_cast<float>(value);
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(nearest);
  if (static_cast<double>(nearest) == value || value != value || (bits & 1u) != 0) return nearest;
  return std::bit_cast<float>(std::fabs(value) > std::fabs(static_cast<double>(nearest)) ? bits + 1
                                                                                         : bits - 1);
}

/// a * b + c rounded to odd; the product of two 16-bit numbers is exact in double.
inline float fused_to_odd(float a, float b, float c) {
  const double product = static_cast<double>(a) * b, addend = c;
  const double sum = product + addend;
  if (!std::isfinite(sum)) return static_cast<float>(sum);
  // What the sum lost (Knuth's two-sum) decides whether it must be made odd.
  const double back = sum - product;
  const double lost = (product - (sum - back)) + (addend - back);
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(sum);
  if (lost == 0.0 || (bits & 1u) != 0) return round_to_odd(sum);
  const bool away = (lost > 0.0) == (sum > 0.0);
  return round_to_odd(std::bit_cast<double>(away ? bits + 1 : bits - 1));
}

/// Operators of a 16-bit type, as CUDA defines them: both operands of that type.
template <class T>
struct Operators {
  friend T operator+(const T& a, const T& b) { return T(float(a) + float(b)); }
  friend T operator-(const T& a, const T& b) { return T(float(a) - float(b)); }
  friend T operator*(const T& a, const T& b) { return T(float(a) * float(b)); }
  friend T operator/(const T& a, const T& b) { return T(float(a) / float(b)); }
  friend T& operator+=(T& a, const T& b) { return a = a + b; }
  friend T& operator-=(T& a, const T& b) { return a = a - b; }
  friend T& operator*=(T& a, const T& b) { return a = a * b; }
  friend T& operator/=(T& a, const T& b) { return a = a / b; }
  friend T operator+(const T& a) { return a; }
  friend T operator-(const T& a) { return T::from_bits(a.bits() ^ 0x8000u); }
  friend T& operator++(T& a) { return a = a + T(1.0f); }
  friend T& operator--(T& a) { return a = a - T(1.0f); }
  friend bool operator==(const T& a, const T& b) { return float(a) == float(b); }
  friend bool operator!=(const T& a, const T& b) { return float(a) != float(b); }
  friend bool operator<(const T& a, const T& b) { return float(a) < float(b); }
  friend bool operator>(const T& a, const T& b) { return float(a) > float(b); }
  friend bool operator<=(const T& a, const T& b) { return float(a) <= float(b); }
  friend bool operator>=(const T& a, const T& b) { return float(a) >= float(b); }
};

/// Element by element, for the two-element vectors.
template <class V>
struct PairOperators {
  friend V operator+(const V& a, const V& b) { return V(a.x + b.x, a.y + b.y); }
  friend V operator-(const V& a, const V& b) { return V(a.x - b.x, a.y - b.y); }
  friend V operator*(const V& a, const V& b) { return V(a.x * b.x, a.y * b.y); }
  friend V operator/(const V& a, const V& b) { return V(a.x / b.x, a.y / b.y); }
  friend V& operator+=(V& a, const V& b) { return a = a + b; }
  friend V& operator-=(V& a, const V& b) { return a = a - b; }
  friend V& operator*=(V& a, const V& b) { return a = a * b; }
  friend V& operator/=(V& a, const V& b) { return a = a / b; }
  friend V operator-(const V& a) { return V(-a.x, -a.y); }
  friend bool operator==(const V& a, const V& b) { return a.x == b.x && a.y == b.y; }
};

/// The members of a 16-bit type in `Format`.
template <class Derived, class Format>
struct Number : Operators<Derived> {
  Number() = default;  // no value, so that arrays of it may be shared memory
  static Derived from_bits(std::uint32_t bits) {
    Derived value;
    value.bits_ = static_cast<std::uint16_t>(bits);
    return value;
  }
  static Derived rounded(float value, Rounding rounding) {
    return from_bits(Format::from_float(value, rounding));
  }
  std::uint16_t bits() const { return bits_; }
  operator float() const { return Format::to_float(bits_); }
  explicit operator bool() const { return (bits_ & 0x7fffu) != 0; }

 protected:
  explicit Number(float value) : bits_(Format::from_float(value)) {}
  explicit Number(double value) : bits_(Format::from_float(round_to_odd(value))) {}
  std::uint16_t bits_;
};

// One of the two 16-bit types, or one of their vectors.
template <class T>
concept Scalar = requires(T value) {
  { value.bits() } -> std::same_as<std::uint16_t>;
};
template <class V>
concept Pair = requires(V value) {
  { value.x.bits() } -> std::same_as<std::uint16_t>;
  requires sizeof(V) == 4;
};

}  // namespace simt::small
