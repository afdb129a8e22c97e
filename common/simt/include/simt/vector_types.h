// CUDA's short vectors (float4, int2, ...) with its sizes and alignments, dim3, and the make_ functions.
#pragma once

#include "simt/qualifiers.h"

// A GPU stores such a vector with one instruction. For the meter (common/simt/meter) this is so here, too,
// even if the compiler would assign the members one by one.
#ifdef SIMT_METERED
#define SIMT_ASSIGNED_WHOLE(name)                                     \
  SIMT_AT_CALLER name& operator=(const name& other) {                 \
    __builtin_memcpy(static_cast<void*>(this), &other, sizeof(name)); \
    return *this;                                                     \
  }
#else
#define SIMT_ASSIGNED_WHOLE(name)
#endif

#define SIMT_VECTORS(T, name, align2, align4)            \
  struct name##1 {                                       \
    T x;                                                 \
  };                                                     \
  struct alignas(align2) name##2 {                       \
    T x, y;                                              \
    SIMT_ASSIGNED_WHOLE(name##2)                         \
  };                                                     \
  struct name##3 {                                       \
    T x, y, z;                                           \
  };                                                     \
  struct alignas(align4) name##4 {                       \
    T x, y, z, w;                                        \
    SIMT_ASSIGNED_WHOLE(name##4)                         \
  };                                                     \
  constexpr name##1 make_##name##1(T x) {                \
    return {x};                                          \
  }                                                      \
  constexpr name##2 make_##name##2(T x, T y) {           \
    return {x, y};                                       \
  }                                                      \
  constexpr name##3 make_##name##3(T x, T y, T z) {      \
    return {x, y, z};                                    \
  }                                                      \
  constexpr name##4 make_##name##4(T x, T y, T z, T w) { \
    return {x, y, z, w};                                 \
  }

SIMT_VECTORS(signed char, char, 2, 4)
SIMT_VECTORS(unsigned char, uchar, 2, 4)
SIMT_VECTORS(short, short, 4, 8)
SIMT_VECTORS(unsigned short, ushort, 4, 8)
SIMT_VECTORS(int, int, 8, 16)
SIMT_VECTORS(unsigned int, uint, 8, 16)
SIMT_VECTORS(long int, long, 16, 16)
SIMT_VECTORS(unsigned long int, ulong, 16, 16)
SIMT_VECTORS(long long int, longlong, 16, 16)
SIMT_VECTORS(unsigned long long int, ulonglong, 16, 16)
SIMT_VECTORS(float, float, 8, 16)
SIMT_VECTORS(double, double, 16, 16)
#undef SIMT_VECTORS
#undef SIMT_ASSIGNED_WHOLE

/// Extents of a grid or block; those that are not given are 1.
struct dim3 {
  unsigned int x, y, z;
  constexpr dim3(unsigned int x_ = 1, unsigned int y_ = 1, unsigned int z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};
