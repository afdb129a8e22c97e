// half and half2: 5 bits of exponent, 10 of mantissa.
#pragma once

#include "cuda_runtime.h"
#include "simt/small_intrinsics.h"

struct __half_raw {
  unsigned short x;
};
struct __half2_raw {
  unsigned short x, y;
};

struct __half : simt::small::Number<__half, simt::small::HalfFormat> {
  __half() = default;
  __half(float value) : Number(value) {}
  __half(double value) : Number(value) {}
  template <std::integral I>
  __half(I value) : Number(static_cast<double>(value)) {}
  __half(__half_raw raw) { bits_ = raw.x; }
  operator __half_raw() const { return {bits_}; }
};

struct alignas(4) __half2 : simt::small::PairOperators<__half2> {
  __half x, y;
  __half2() = default;
  __half2(__half x_, __half y_) : x(x_), y(y_) {}
  explicit __half2(__half both) : x(both), y(both) {}
};
using half = __half;
using half2 = __half2;
using __nv_half = __half;
using __nv_half2 = __half2;

// clang-format off
inline __half __float2half(float a) { return __half(a); }
inline __half __float2half_rn(float a) { return __half(a); }
inline __half __float2half_rz(float a) { return __half::rounded(a, simt::small::Rounding::kToZero); }
inline __half __float2half_ru(float a) { return __half::rounded(a, simt::small::Rounding::kUp); }
inline __half __float2half_rd(float a) { return __half::rounded(a, simt::small::Rounding::kDown); }
inline __half __double2half(double a) { return __half(a); }
inline float __half2float(__half a) { return a; }

inline __half2 make_half2(__half x, __half y) { return __half2(x, y); }
inline __half2 __halves2half2(__half x, __half y) { return __half2(x, y); }
inline __half2 __half2half2(__half a) { return __half2(a, a); }
inline __half2 __float2half2_rn(float a) { return __half2(__half(a), __half(a)); }
inline __half2 __floats2half2_rn(float x, float y) { return __half2(__half(x), __half(y)); }
inline __half2 __float22half2_rn(float2 a) { return __half2(__half(a.x), __half(a.y)); }
inline float2 __half22float2(__half2 a) { return {a.x, a.y}; }
inline __half __low2half(__half2 a) { return a.x; }
inline __half __high2half(__half2 a) { return a.y; }
inline __half2 __low2half2(__half2 a) { return __half2(a.x, a.x); }
inline __half2 __high2half2(__half2 a) { return __half2(a.y, a.y); }
inline __half2 __lowhigh2highlow(__half2 a) { return __half2(a.y, a.x); }
inline __half2 __lows2half2(__half2 a, __half2 b) { return __half2(a.x, b.x); }
inline __half2 __highs2half2(__half2 a, __half2 b) { return __half2(a.y, b.y); }

inline unsigned short __half_as_ushort(__half a) { return a.bits(); }
inline short __half_as_short(__half a) { return static_cast<short>(a.bits()); }
inline __half __ushort_as_half(unsigned short a) { return __half::from_bits(a); }
inline __half __short_as_half(short a) { return __half::from_bits(static_cast<unsigned short>(a)); }
inline __half __int2half_rn(int a) { return __half(a); }
inline __half __uint2half_rn(unsigned a) { return __half(a); }
inline __half __ll2half_rn(long long a) { return __half(a); }
inline __half __short2half_rn(short a) { return __half(a); }
inline __half __ushort2half_rn(unsigned short a) { return __half(a); }
// Every half is far inside the range of int; infinity and NaN saturate.
inline int __half2int_rn(__half a) { const float f = a; return f != f ? 0 : f > 65504.0f ? 2147483647 : f < -65504.0f ? -2147483647 - 1 : static_cast<int>(std::nearbyint(f)); }
inline int __half2int_rz(__half a) { const float f = a; return f != f ? 0 : f > 65504.0f ? 2147483647 : f < -65504.0f ? -2147483647 - 1 : static_cast<int>(f); }
inline unsigned __half2uint_rn(__half a) { const int i = __half2int_rn(a); return float(a) > 65504.0f ? 4294967295u : i < 0 ? 0u : static_cast<unsigned>(i); }
inline unsigned __half2uint_rz(__half a) { const int i = __half2int_rz(a); return float(a) > 65504.0f ? 4294967295u : i < 0 ? 0u : static_cast<unsigned>(i); }
// clang-format on

#define CUDART_INF_FP16 __ushort_as_half(static_cast<unsigned short>(0x7C00U))
#define CUDART_NAN_FP16 __ushort_as_half(static_cast<unsigned short>(0x7FFFU))
#define CUDART_MAX_NORMAL_FP16 __ushort_as_half(static_cast<unsigned short>(0x7BFFU))
#define CUDART_ONE_FP16 __ushort_as_half(static_cast<unsigned short>(0x3C00U))
#define CUDART_ZERO_FP16 __ushort_as_half(static_cast<unsigned short>(0x0000U))
