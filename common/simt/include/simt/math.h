// Math that CUDA has and the C++ library lacks. sinf, expf, fmaf, ... come from <math.h> itself.
#pragma once

#include <features.h>
#include <math.h>

// clang-format off
#define SIMT_MIN_MAX(R, A, B)                                                            \
  inline constexpr R min(A a, B b) { return static_cast<R>(b) < static_cast<R>(a) ? static_cast<R>(b) : static_cast<R>(a); } \
  inline constexpr R max(A a, B b) { return static_cast<R>(a) < static_cast<R>(b) ? static_cast<R>(b) : static_cast<R>(a); }
SIMT_MIN_MAX(int, int, int)
SIMT_MIN_MAX(unsigned, unsigned, unsigned)
SIMT_MIN_MAX(unsigned, int, unsigned)
SIMT_MIN_MAX(unsigned, unsigned, int)
SIMT_MIN_MAX(long, long, long)
SIMT_MIN_MAX(unsigned long, unsigned long, unsigned long)
SIMT_MIN_MAX(unsigned long, long, unsigned long)
SIMT_MIN_MAX(unsigned long, unsigned long, long)
SIMT_MIN_MAX(long long, long long, long long)
SIMT_MIN_MAX(unsigned long long, unsigned long long, unsigned long long)
SIMT_MIN_MAX(unsigned long long, long long, unsigned long long)
SIMT_MIN_MAX(unsigned long long, unsigned long long, long long)
#undef SIMT_MIN_MAX
// If one operand is NaN, the result is the other one, as with the GPU's instruction.
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
inline double min(float a, double b) { return fmin(a, b); }
inline double max(float a, double b) { return fmax(a, b); }
inline double min(double a, float b) { return fmin(a, b); }
inline double max(double a, float b) { return fmax(a, b); }
// clang-format on

inline unsigned umin(unsigned a, unsigned b) {
  return a < b ? a : b;
}
inline unsigned umax(unsigned a, unsigned b) {
  return a < b ? b : a;
}
inline long long llmin(long long a, long long b) {
  return a < b ? a : b;
}
inline long long llmax(long long a, long long b) {
  return a < b ? b : a;
}
inline unsigned long long ullmin(unsigned long long a, unsigned long long b) {
  return a < b ? a : b;
}
inline unsigned long long ullmax(unsigned long long a, unsigned long long b) {
  return a < b ? b : a;
}

namespace simt::math {
inline constexpr double kPi = 3.14159265358979323846;
double sinpi(double x);
double cospi(double x);
double tanpi(double x);
/// exp(x^2) erfc(x) without overflow.
double erfcx(double x);
double inverse_erf(double x);
double inverse_normal_cdf(double p);
}  // namespace simt::math

// C23 brought some of these to glibc, under the same names.
#if !__GLIBC_PREREQ(2, 42)
inline float rsqrtf(float x) {
  return static_cast<float>(1.0 / sqrt(static_cast<double>(x)));
}
inline double rsqrt(double x) {
  return 1.0 / sqrt(x);
}
#endif
#if !__GLIBC_PREREQ(2, 41)
inline float sinpif(float x) {
  return static_cast<float>(simt::math::sinpi(x));
}
inline double sinpi(double x) {
  return simt::math::sinpi(x);
}
inline float cospif(float x) {
  return static_cast<float>(simt::math::cospi(x));
}
inline double cospi(double x) {
  return simt::math::cospi(x);
}
inline float tanpif(float x) {
  return static_cast<float>(simt::math::tanpi(x));
}
inline double tanpi(double x) {
  return simt::math::tanpi(x);
}
#endif
inline float rsqrt(float x) {
  return rsqrtf(x);
}
inline void sincospif(float x, float* sine, float* cosine) {
  *sine = static_cast<float>(simt::math::sinpi(x));
  *cosine = static_cast<float>(simt::math::cospi(x));
}
inline void sincospi(double x, double* sine, double* cosine) {
  *sine = simt::math::sinpi(x);
  *cosine = simt::math::cospi(x);
}
inline float rcbrtf(float x) {
  return 1.0f / cbrtf(x);
}
inline double rcbrt(double x) {
  return 1.0 / cbrt(x);
}
inline float rhypotf(float x, float y) {
  return static_cast<float>(1.0 / hypot(double{x}, double{y}));
}
inline double rhypot(double x, double y) {
  return 1.0 / hypot(x, y);
}
inline float norm3df(float a, float b, float c) {
  return static_cast<float>(sqrt(double{a} * a + double{b} * b + double{c} * c));
}
inline double norm3d(double a, double b, double c) {
  return hypot(hypot(a, b), c);
}
inline float rnorm3df(float a, float b, float c) {
  return static_cast<float>(1.0 / sqrt(double{a} * a + double{b} * b + double{c} * c));
}
inline double rnorm3d(double a, double b, double c) {
  return 1.0 / norm3d(a, b, c);
}
inline float norm4df(float a, float b, float c, float d) {
  return static_cast<float>(sqrt(double{a} * a + double{b} * b + double{c} * c + double{d} * d));
}
inline double norm4d(double a, double b, double c, double d) {
  return hypot(hypot(a, b), hypot(c, d));
}
inline float normcdff(float x) {
  return static_cast<float>(0.5 * erfc(-x * 0.70710678118654752440));
}
inline double normcdf(double x) {
  return 0.5 * erfc(-x * 0.70710678118654752440);
}
inline float erfcxf(float x) {
  return static_cast<float>(simt::math::erfcx(x));
}
inline double erfcx(double x) {
  return simt::math::erfcx(x);
}
inline float erfinvf(float x) {
  return static_cast<float>(simt::math::inverse_erf(x));
}
inline double erfinv(double x) {
  return simt::math::inverse_erf(x);
}
inline float erfcinvf(float x) {
  return static_cast<float>(simt::math::inverse_erf(1.0 - x));
}
inline double erfcinv(double x) {
  return simt::math::inverse_erf(1.0 - x);
}
inline float normcdfinvf(float p) {
  return static_cast<float>(simt::math::inverse_normal_cdf(p));
}
inline double normcdfinv(double p) {
  return simt::math::inverse_normal_cdf(p);
}
inline float fdividef(float x, float y) {
  return x / y;
}
