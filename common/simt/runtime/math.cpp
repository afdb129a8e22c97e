// Rounding modes and special functions that neither C++ nor the C library has.
#include <math.h>

#include <cfenv>
#include <limits>

#include "simt/intrinsics.h"

namespace simt::math {
namespace {

// One operation with the processor's rounding mode changed. Volatile: the compiler must not move it out of
// there.
template <class T, class Operation>
T with_rounding(Rounding rounding, Operation operation) {
  const int before = std::fegetround();
  std::fesetround(rounding == Rounding::kToZero ? FE_TOWARDZERO
                  : rounding == Rounding::kUp   ? FE_UPWARD
                                                : FE_DOWNWARD);
  volatile T result = operation();
  std::fesetround(before);
  return result;
}

template <class T>
T rounded_add(T a, T b, Rounding r) {
  volatile T x = a, y = b;
  return with_rounding<T>(r, [&] { return x + y; });
}
template <class T>
T rounded_multiply(T a, T b, Rounding r) {
  volatile T x = a, y = b;
  return with_rounding<T>(r, [&] { return x * y; });
}
template <class T>
T rounded_divide(T a, T b, Rounding r) {
  volatile T x = a, y = b;
  return with_rounding<T>(r, [&] { return x / y; });
}

}  // namespace

float add(float a, float b, Rounding r) {
  return rounded_add(a, b, r);
}
double add(double a, double b, Rounding r) {
  return rounded_add(a, b, r);
}
float multiply(float a, float b, Rounding r) {
  return rounded_multiply(a, b, r);
}
double multiply(double a, double b, Rounding r) {
  return rounded_multiply(a, b, r);
}
float divide(float a, float b, Rounding r) {
  return rounded_divide(a, b, r);
}
double divide(double a, double b, Rounding r) {
  return rounded_divide(a, b, r);
}

// From the nearest result to the one on the requested side. fma computes the error of the nearest exactly.
template <class T>
static T directed_square_root(T a, Rounding rounding) {
  const T nearest = ::sqrt(a);
  if (!(a > 0) || nearest == std::numeric_limits<T>::infinity()) return nearest;
  const T error = ::fma(nearest, nearest, -a);  // > 0: nearest is above the root
  if (rounding == Rounding::kUp) {
    return error < 0 ? ::nexttoward(nearest, HUGE_VALL) : nearest;
  }
  return error > 0 ? ::nexttoward(nearest, 0.0L) : nearest;
}
float square_root(float a, Rounding r) {
  const double exact = ::sqrt(static_cast<double>(a));
  return to_float(exact, r);
}
double square_root(double a, Rounding r) {
  return directed_square_root(a, r);
}

// The product of two floats is exact in double; only the sum and the conversion round, both the same way.
float fused_multiply_add(float a, float b, float c, Rounding r) {
  const double product = static_cast<double>(a) * b;
  return to_float(add(product, static_cast<double>(c), r), r);
}

// Round to nearest, then correct by the exact error of the sum (Boldo, Muller: exact error of an FMA).
double fused_multiply_add(double a, double b, double c, Rounding r) {
  const double nearest = ::fma(a, b, c);
  if (!std::isfinite(nearest)) return nearest;
  const double high = a * b;
  const double low = ::fma(a, b, -high);
  // nearest = high + low + c - error; compare in long double, which holds the small rest.
  const long double error = (static_cast<long double>(high) - nearest) + c + static_cast<long double>(low);
  if (error > 0 && (r == Rounding::kUp || (r == Rounding::kToZero && nearest < 0))) {
    return ::nextafter(nearest, std::numeric_limits<double>::infinity());
  }
  if (error < 0 && (r == Rounding::kDown || (r == Rounding::kToZero && nearest > 0))) {
    return ::nextafter(nearest, -std::numeric_limits<double>::infinity());
  }
  return nearest;
}

float to_float(double x, Rounding rounding) {
  volatile double here = x;
  return with_rounding<float>(rounding, [&] { return static_cast<float>(here); });
}

// Reduce first: sin(pi x) is exact at the multiples of a half.
double sinpi(double x) {
  if (!std::isfinite(x)) return std::numeric_limits<double>::quiet_NaN();
  const double r = ::remainder(x, 2.0);  // in [-1, 1]
  if (r == 0.0 || ::fabs(r) == 1.0) return ::copysign(0.0, x);
  if (::fabs(r) <= 0.25) return ::sin(kPi * r);
  if (::fabs(r) >= 0.75) return ::sin(kPi * (::copysign(1.0, r) - r));
  return ::copysign(::cos(kPi * (0.5 - ::fabs(r))), r);
}
double cospi(double x) {
  if (!std::isfinite(x)) return std::numeric_limits<double>::quiet_NaN();
  const double r = ::fabs(::remainder(x, 2.0));  // in [0, 1]
  if (r <= 0.25) return ::cos(kPi * r);
  if (r >= 0.75) return -::cos(kPi * (1.0 - r));
  return ::sin(kPi * (0.5 - r));
}
double tanpi(double x) {
  return sinpi(x) / cospi(x);
}

// Beyond 25 erfc underflows: continue with the asymptotic series.
double erfcx(double x) {
  if (x < 25.0) return ::exp(x * x) * ::erfc(x);
  const double s = 1.0 / (2.0 * x * x);
  return (1.0 - s * (1.0 - 3.0 * s * (1.0 - 5.0 * s))) / (x * ::sqrt(kPi));
}

// Giles's approximation as the start, then Newton steps on erf.
double inverse_erf(double y) {
  if (!(::fabs(y) < 1.0)) {
    return ::fabs(y) == 1.0 ? ::copysign(std::numeric_limits<double>::infinity(), y)
                            : std::numeric_limits<double>::quiet_NaN();
  }
  const double w = ::log1p(-y * y);
  const double a = 2.0 / (kPi * 0.147) + 0.5 * w;
  double x = ::copysign(::sqrt(::sqrt(a * a - w / 0.147) - a), y);
  for (int i = 0; i < 4; ++i) {
    const double error =
        ::fabs(x) < 1.0 ? ::erf(x) - y : ::copysign((1.0 - ::fabs(y)) - ::erfc(::fabs(x)), x);
    x -= error / (2.0 / ::sqrt(kPi) * ::exp(-x * x));
  }
  return x;
}

double inverse_normal_cdf(double p) {
  return 1.41421356237309504880 * inverse_erf(2.0 * p - 1.0);
}

}  // namespace simt::math
