// bfloat16 and its vector: the upper half of a float, 8 bits of exponent, 7 of mantissa.
#pragma once

#include "cuda_runtime.h"
#include "simt/small_intrinsics.h"

struct __nv_bfloat16_raw {
  unsigned short x;
};

struct __nv_bfloat16 : simt::small::Number<__nv_bfloat16, simt::small::BfloatFormat> {
  __nv_bfloat16() = default;
  __nv_bfloat16(float value) : Number(value) {}
  __nv_bfloat16(double value) : Number(value) {}
  template <std::integral I>
  __nv_bfloat16(I value) : Number(static_cast<double>(value)) {}
  __nv_bfloat16(__nv_bfloat16_raw raw) { bits_ = raw.x; }
  operator __nv_bfloat16_raw() const { return {bits_}; }
};

struct alignas(4) __nv_bfloat162 : simt::small::PairOperators<__nv_bfloat162> {
  __nv_bfloat16 x, y;
  __nv_bfloat162() = default;
  __nv_bfloat162(__nv_bfloat16 x_, __nv_bfloat16 y_) : x(x_), y(y_) {}
  explicit __nv_bfloat162(__nv_bfloat16 both) : x(both), y(both) {}
};
using nv_bfloat16 = __nv_bfloat16;
using nv_bfloat162 = __nv_bfloat162;

// clang-format off
inline __nv_bfloat16 __float2bfloat16(float a) { return __nv_bfloat16(a); }
inline __nv_bfloat16 __float2bfloat16_rn(float a) { return __nv_bfloat16(a); }
inline __nv_bfloat16 __float2bfloat16_rz(float a) { return __nv_bfloat16::rounded(a, simt::small::Rounding::kToZero); }
inline __nv_bfloat16 __float2bfloat16_ru(float a) { return __nv_bfloat16::rounded(a, simt::small::Rounding::kUp); }
inline __nv_bfloat16 __float2bfloat16_rd(float a) { return __nv_bfloat16::rounded(a, simt::small::Rounding::kDown); }
inline __nv_bfloat16 __double2bfloat16(double a) { return __nv_bfloat16(a); }
inline float __bfloat162float(__nv_bfloat16 a) { return a; }

inline __nv_bfloat162 make_bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) { return __nv_bfloat162(x, y); }
inline __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) { return __nv_bfloat162(x, y); }
inline __nv_bfloat162 __bfloat162bfloat162(__nv_bfloat16 a) { return __nv_bfloat162(a, a); }
inline __nv_bfloat162 __float2bfloat162_rn(float a) { return __nv_bfloat162(__nv_bfloat16(a), __nv_bfloat16(a)); }
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) { return __nv_bfloat162(__nv_bfloat16(x), __nv_bfloat16(y)); }
inline __nv_bfloat162 __float22bfloat162_rn(float2 a) { return __nv_bfloat162(__nv_bfloat16(a.x), __nv_bfloat16(a.y)); }
inline float2 __bfloat1622float2(__nv_bfloat162 a) { return {a.x, a.y}; }
inline __nv_bfloat16 __low2bfloat16(__nv_bfloat162 a) { return a.x; }
inline __nv_bfloat16 __high2bfloat16(__nv_bfloat162 a) { return a.y; }
inline __nv_bfloat162 __low2bfloat162(__nv_bfloat162 a) { return __nv_bfloat162(a.x, a.x); }
inline __nv_bfloat162 __high2bfloat162(__nv_bfloat162 a) { return __nv_bfloat162(a.y, a.y); }
inline __nv_bfloat162 __lowhigh2highlow(__nv_bfloat162 a) { return __nv_bfloat162(a.y, a.x); }
inline __nv_bfloat162 __lows2bfloat162(__nv_bfloat162 a, __nv_bfloat162 b) { return __nv_bfloat162(a.x, b.x); }
inline __nv_bfloat162 __highs2bfloat162(__nv_bfloat162 a, __nv_bfloat162 b) { return __nv_bfloat162(a.y, b.y); }

inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 a) { return a.bits(); }
inline short __bfloat16_as_short(__nv_bfloat16 a) { return static_cast<short>(a.bits()); }
inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short a) { return __nv_bfloat16::from_bits(a); }
inline __nv_bfloat16 __short_as_bfloat16(short a) { return __nv_bfloat16::from_bits(static_cast<unsigned short>(a)); }
inline __nv_bfloat16 __int2bfloat16_rn(int a) { return __nv_bfloat16(a); }
inline __nv_bfloat16 __uint2bfloat16_rn(unsigned a) { return __nv_bfloat16(a); }
inline __nv_bfloat16 __ll2bfloat16_rn(long long a) { return __nv_bfloat16(a); }
inline int __bfloat162int_rn(__nv_bfloat16 a) { const float f = a; return f != f ? 0 : f >= 2147483648.0f ? 2147483647 : f <= -2147483648.0f ? -2147483647 - 1 : static_cast<int>(std::nearbyint(f)); }
inline int __bfloat162int_rz(__nv_bfloat16 a) { const float f = a; return f != f ? 0 : f >= 2147483648.0f ? 2147483647 : f <= -2147483648.0f ? -2147483647 - 1 : static_cast<int>(f); }
// clang-format on

#define CUDART_INF_BF16 __ushort_as_bfloat16(static_cast<unsigned short>(0x7F80U))
#define CUDART_NAN_BF16 __ushort_as_bfloat16(static_cast<unsigned short>(0x7FFFU))
#define CUDART_ONE_BF16 __ushort_as_bfloat16(static_cast<unsigned short>(0x3F80U))
#define CUDART_ZERO_BF16 __ushort_as_bfloat16(static_cast<unsigned short>(0x0000U))
