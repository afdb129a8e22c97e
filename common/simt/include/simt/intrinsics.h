// Floating-point intrinsics: the fast approximations (here as exact as the C library),
// explicit rounding, conversion.
#pragma once

#include "simt/math.h"

namespace simt::math {
enum class Rounding { kToZero, kUp, kDown };
float add(float a, float b, Rounding rounding);
float multiply(float a, float b, Rounding rounding);
float fused_multiply_add(float a, float b, float c, Rounding rounding);
float divide(float a, float b, Rounding rounding);
float square_root(float a, Rounding rounding);
double add(double a, double b, Rounding rounding);
double multiply(double a, double b, Rounding rounding);
double fused_multiply_add(double a, double b, double c, Rounding rounding);
double divide(double a, double b, Rounding rounding);
double square_root(double a, Rounding rounding);
/// The nearest float on that side of x.
float to_float(double x, Rounding rounding);

/// Conversion to an integer saturates, and NaN becomes 0, as on the GPU. `x` is integral already.
template <class Integer>
Integer saturate_to(double x) {
  constexpr Integer kLowest =
      static_cast<Integer>(Integer(-1) < 0 ? Integer(1) << (8 * sizeof(Integer) - 1) : 0);
  constexpr Integer kHighest = static_cast<Integer>(~kLowest);
  if (x != x) return 0;
  if (x <= static_cast<double>(kLowest)) return kLowest;
  if (x >= static_cast<double>(kHighest)) return kHighest;
  return static_cast<Integer>(x);
}

// glibc has names such as __expf for itself: the intrinsics of those names are macros that come here.
inline float fast_expf(float x) {
  return expf(x);
}
inline float fast_exp10f(float x) {
  return exp10f(x);
}
inline float fast_logf(float x) {
  return logf(x);
}
inline float fast_log2f(float x) {
  return log2f(x);
}
inline float fast_log10f(float x) {
  return log10f(x);
}
inline float fast_powf(float x, float y) {
  return powf(x, y);
}
inline float fast_sinf(float x) {
  return sinf(x);
}
inline float fast_cosf(float x) {
  return cosf(x);
}
inline float fast_tanf(float x) {
  return tanf(x);
}
inline float fast_tanhf(float x) {
  return tanhf(x);
}
inline void fast_sincosf(float x, float* sine, float* cosine) {
  sincosf(x, sine, cosine);
}
}  // namespace simt::math

#define __expf(x) (::simt::math::fast_expf(x))
#define __exp10f(x) (::simt::math::fast_exp10f(x))
#define __logf(x) (::simt::math::fast_logf(x))
#define __log2f(x) (::simt::math::fast_log2f(x))
#define __log10f(x) (::simt::math::fast_log10f(x))
#define __powf(x, y) (::simt::math::fast_powf(x, y))
#define __sinf(x) (::simt::math::fast_sinf(x))
#define __cosf(x) (::simt::math::fast_cosf(x))
#define __tanf(x) (::simt::math::fast_tanf(x))
#define __tanhf(x) (::simt::math::fast_tanhf(x))
#define __sincosf(x, sine, cosine) (::simt::math::fast_sincosf(x, sine, cosine))

inline float __fdividef(float x, float y) {
  return x / y;
}
inline float __saturatef(float x) {
  return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f;
}
inline float __frsqrt_rn(float x) {
  return static_cast<float>(1.0 / sqrt(static_cast<double>(x)));
}

// clang-format off
#define SIMT_ROUNDED(T, prefix)                                                                                      \
  inline T prefix##add_rn(T a, T b) { return a + b; }                                                                \
  inline T prefix##sub_rn(T a, T b) { return a - b; }                                                                \
  inline T prefix##mul_rn(T a, T b) { return a * b; }                                                                \
  inline T prefix##div_rn(T a, T b) { return a / b; }                                                                \
  inline T prefix##rcp_rn(T a) { return T(1) / a; }                                                                  \
  inline T prefix##sqrt_rn(T a) { return sqrt(a); }                                                                  \
  SIMT_DIRECTED(T, prefix, rz, kToZero) SIMT_DIRECTED(T, prefix, ru, kUp) SIMT_DIRECTED(T, prefix, rd, kDown)
#define SIMT_DIRECTED(T, prefix, suffix, direction)                                                                  \
  inline T prefix##add_##suffix(T a, T b) { return simt::math::add(a, b, simt::math::Rounding::direction); }         \
  inline T prefix##sub_##suffix(T a, T b) { return simt::math::add(a, -b, simt::math::Rounding::direction); }        \
  inline T prefix##mul_##suffix(T a, T b) { return simt::math::multiply(a, b, simt::math::Rounding::direction); }    \
  inline T prefix##div_##suffix(T a, T b) { return simt::math::divide(a, b, simt::math::Rounding::direction); }      \
  inline T prefix##rcp_##suffix(T a) { return simt::math::divide(T(1), a, simt::math::Rounding::direction); }        \
  inline T prefix##sqrt_##suffix(T a) { return simt::math::square_root(a, simt::math::Rounding::direction); }
SIMT_ROUNDED(float, __f)
SIMT_ROUNDED(double, __d)
#undef SIMT_ROUNDED
#undef SIMT_DIRECTED

#define SIMT_FMA(T, name)                                                                                            \
  inline T name##_rn(T a, T b, T c) { return fma(a, b, c); }                                                         \
  inline T name##_rz(T a, T b, T c) { return simt::math::fused_multiply_add(a, b, c, simt::math::Rounding::kToZero); } \
  inline T name##_ru(T a, T b, T c) { return simt::math::fused_multiply_add(a, b, c, simt::math::Rounding::kUp); }   \
  inline T name##_rd(T a, T b, T c) { return simt::math::fused_multiply_add(a, b, c, simt::math::Rounding::kDown); }
SIMT_FMA(float, __fmaf)
SIMT_FMA(double, __fma)
#undef SIMT_FMA

// __float2int_rn and its kin: source, target, rounding (nearest even, to zero, up, down).
#define SIMT_TO_INTEGER(name, From, To)                                                    \
  inline To name##_rn(From x) { return simt::math::saturate_to<To>(rint(x)); }             \
  inline To name##_rz(From x) { return simt::math::saturate_to<To>(trunc(x)); }            \
  inline To name##_ru(From x) { return simt::math::saturate_to<To>(ceil(x)); }             \
  inline To name##_rd(From x) { return simt::math::saturate_to<To>(floor(x)); }
SIMT_TO_INTEGER(__float2int, float, int)
SIMT_TO_INTEGER(__float2uint, float, unsigned)
SIMT_TO_INTEGER(__float2ll, float, long long)
SIMT_TO_INTEGER(__float2ull, float, unsigned long long)
SIMT_TO_INTEGER(__double2int, double, int)
SIMT_TO_INTEGER(__double2uint, double, unsigned)
SIMT_TO_INTEGER(__double2ll, double, long long)
SIMT_TO_INTEGER(__double2ull, double, unsigned long long)
#undef SIMT_TO_INTEGER
// clang-format on

inline float __int2float_rn(int x) {
  return static_cast<float>(x);
}
inline float __uint2float_rn(unsigned x) {
  return static_cast<float>(x);
}
inline float __ll2float_rn(long long x) {
  return static_cast<float>(x);
}
inline float __ull2float_rn(unsigned long long x) {
  return static_cast<float>(x);
}
inline float __int2float_rz(int x) {
  return simt::math::to_float(x, simt::math::Rounding::kToZero);
}
inline float __uint2float_rz(unsigned x) {
  return simt::math::to_float(x, simt::math::Rounding::kToZero);
}
inline double __int2double_rn(int x) {
  return x;
}
inline double __uint2double_rn(unsigned x) {
  return x;
}
inline double __ll2double_rn(long long x) {
  return static_cast<double>(x);
}
inline double __ull2double_rn(unsigned long long x) {
  return static_cast<double>(x);
}
inline float __double2float_rn(double x) {
  return static_cast<float>(x);
}
inline float __double2float_rz(double x) {
  return simt::math::to_float(x, simt::math::Rounding::kToZero);
}
inline float __double2float_ru(double x) {
  return simt::math::to_float(x, simt::math::Rounding::kUp);
}
inline float __double2float_rd(double x) {
  return simt::math::to_float(x, simt::math::Rounding::kDown);
}

namespace simt::detail {
void yield();
long long nanoseconds();
[[noreturn]] void trap(const char* file, int line);
}  // namespace simt::detail

// A cycle is a nanosecond here.
inline long long clock64() {
  return simt::detail::nanoseconds();
}
inline unsigned long long __globaltimer() {
  return static_cast<unsigned long long>(simt::detail::nanoseconds());
}
/// Lets the other threads of the block run.
inline void __nanosleep(unsigned) {
  simt::detail::yield();
}
[[noreturn]] inline void __trap(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  simt::detail::trap(file, line);
}
