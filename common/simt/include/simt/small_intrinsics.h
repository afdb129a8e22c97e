// The intrinsics that half and bfloat16 have in common, one definition for both.
#pragma once

#include <cmath>

#include "simt/small_float.h"

// clang-format off
#define SIMT_BINARY(name, pair_name, expression)                                                        \
  template <simt::small::Scalar T> T name(T a, T b) { return expression; }                              \
  template <simt::small::Pair V> V pair_name(V a, V b) { return V(name(a.x, b.x), name(a.y, b.y)); }
SIMT_BINARY(__hadd, __hadd2, a + b)
SIMT_BINARY(__hsub, __hsub2, a - b)
SIMT_BINARY(__hmul, __hmul2, a * b)
SIMT_BINARY(__hdiv, __h2div, a / b)
SIMT_BINARY(__hadd_rn, __hadd2_rn, a + b)
SIMT_BINARY(__hsub_rn, __hsub2_rn, a - b)
SIMT_BINARY(__hmul_rn, __hmul2_rn, a * b)
// If one operand is NaN, the result is the other one; +0 is larger than -0.
SIMT_BINARY(__hmax, __hmax2, float(a) != float(a) ? b : float(b) != float(b) ? a : float(a) == float(b) ? (a.bits() >> 15 ? b : a) : a > b ? a : b)
SIMT_BINARY(__hmin, __hmin2, float(a) != float(a) ? b : float(b) != float(b) ? a : float(a) == float(b) ? (a.bits() >> 15 ? a : b) : a < b ? a : b)
SIMT_BINARY(__hmax_nan, __hmax2_nan, float(a) != float(a) ? a : float(b) != float(b) ? b : __hmax(a, b))
SIMT_BINARY(__hmin_nan, __hmin2_nan, float(a) != float(a) ? a : float(b) != float(b) ? b : __hmin(a, b))
#undef SIMT_BINARY

namespace simt::small {
template <Scalar T> T saturate(T a) { const float f = a; return f > 0.0f ? (f < 1.0f ? a : T(1.0f)) : T(0.0f); }
template <Scalar T> T relu(T a) { const float f = a; return f > 0.0f || f != f ? a : T(0.0f); }
}  // namespace simt::small

template <simt::small::Scalar T> T __hadd_sat(T a, T b) { return simt::small::saturate(a + b); }
template <simt::small::Scalar T> T __hsub_sat(T a, T b) { return simt::small::saturate(a - b); }
template <simt::small::Scalar T> T __hmul_sat(T a, T b) { return simt::small::saturate(a * b); }
template <simt::small::Pair V> V __hadd2_sat(V a, V b) { return V(__hadd_sat(a.x, b.x), __hadd_sat(a.y, b.y)); }
template <simt::small::Pair V> V __hsub2_sat(V a, V b) { return V(__hsub_sat(a.x, b.x), __hsub_sat(a.y, b.y)); }
template <simt::small::Pair V> V __hmul2_sat(V a, V b) { return V(__hmul_sat(a.x, b.x), __hmul_sat(a.y, b.y)); }

/// a * b + c with one rounding.
template <simt::small::Scalar T> T __hfma(T a, T b, T c) { return T(simt::small::fused_to_odd(a, b, c)); }
template <simt::small::Scalar T> T __hfma_sat(T a, T b, T c) { return simt::small::saturate(__hfma(a, b, c)); }
template <simt::small::Scalar T> T __hfma_relu(T a, T b, T c) { return simt::small::relu(__hfma(a, b, c)); }
template <simt::small::Pair V> V __hfma2(V a, V b, V c) { return V(__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)); }
template <simt::small::Pair V> V __hfma2_sat(V a, V b, V c) { return V(__hfma_sat(a.x, b.x, c.x), __hfma_sat(a.y, b.y, c.y)); }
template <simt::small::Pair V> V __hfma2_relu(V a, V b, V c) { return V(__hfma_relu(a.x, b.x, c.x), __hfma_relu(a.y, b.y, c.y)); }

// Comparisons; the second of each pair is also true when an operand is NaN.
#define SIMT_COMPARE(name, op)                                                                                    \
  template <simt::small::Scalar T> bool __h##name(T a, T b) { return float(a) op float(b); }                      \
  template <simt::small::Scalar T> bool __h##name##u(T a, T b) { return float(a) != float(a) || float(b) != float(b) || float(a) op float(b); } \
  template <simt::small::Pair V> V __h##name##2(V a, V b) { using T = decltype(a.x); return V(T(__h##name(a.x, b.x) ? 1.0f : 0.0f), T(__h##name(a.y, b.y) ? 1.0f : 0.0f)); } \
  template <simt::small::Pair V> bool __hb##name##2(V a, V b) { return __h##name(a.x, b.x) && __h##name(a.y, b.y); }
SIMT_COMPARE(eq, ==)
SIMT_COMPARE(lt, <)
SIMT_COMPARE(le, <=)
SIMT_COMPARE(gt, >)
SIMT_COMPARE(ge, >=)
#undef SIMT_COMPARE
// Not equal is false when an operand is NaN, unlike the operator.
template <simt::small::Scalar T> bool __hne(T a, T b) { return float(a) < float(b) || float(a) > float(b); }
template <simt::small::Scalar T> bool __hneu(T a, T b) { return float(a) != float(b); }
template <simt::small::Scalar T> bool __hisnan(T a) { return float(a) != float(a); }
template <simt::small::Scalar T> int __hisinf(T a) { return std::isinf(float(a)) ? (float(a) < 0 ? -1 : 1) : 0; }

#define SIMT_UNARY(name, pair_name, expression)                                        \
  template <simt::small::Scalar T> T name(T a) { return T(expression); }               \
  template <simt::small::Pair V> V pair_name(V a) { return V(name(a.x), name(a.y)); }
SIMT_UNARY(__hneg, __hneg2, -a)
SIMT_UNARY(__habs, __habs2, T::from_bits(a.bits() & 0x7fffu))
SIMT_UNARY(hsqrt, h2sqrt, std::sqrt(float(a)))
SIMT_UNARY(hrsqrt, h2rsqrt, 1.0 / std::sqrt(double(float(a))))
SIMT_UNARY(hrcp, h2rcp, 1.0f / float(a))
SIMT_UNARY(hexp, h2exp, std::exp(float(a)))
SIMT_UNARY(hexp2, h2exp2, std::exp2(float(a)))
SIMT_UNARY(hexp10, h2exp10, std::pow(10.0, double(float(a))))
SIMT_UNARY(hlog, h2log, std::log(float(a)))
SIMT_UNARY(hlog2, h2log2, std::log2(float(a)))
SIMT_UNARY(hlog10, h2log10, std::log10(float(a)))
SIMT_UNARY(hsin, h2sin, std::sin(float(a)))
SIMT_UNARY(hcos, h2cos, std::cos(float(a)))
SIMT_UNARY(htanh, h2tanh, std::tanh(float(a)))
SIMT_UNARY(hceil, h2ceil, std::ceil(float(a)))
SIMT_UNARY(hfloor, h2floor, std::floor(float(a)))
SIMT_UNARY(hrint, h2rint, std::nearbyint(float(a)))
SIMT_UNARY(htrunc, h2trunc, std::trunc(float(a)))
#undef SIMT_UNARY

template <simt::small::Pair V> float __low2float(V a) { return a.x; }
template <simt::small::Pair V> float __high2float(V a) { return a.y; }

#ifdef __CUDACC__
template <simt::small::Scalar T> T atomicAdd(T* address, T value) {
  return simt::detail::atomic_update(address, [value](T old) { return old + value; });
}
template <simt::small::Pair V> V atomicAdd(V* address, V value) {
  return simt::detail::atomic_update(address, [value](V old) { return old + value; });
}
#endif
// clang-format on
