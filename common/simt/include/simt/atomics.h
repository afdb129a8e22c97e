// Atomic read-modify-write on shared and global memory. Each returns the old value.
//
// Blocks run on several cores at the same time, so these are atomic operations of the processor. They are
// relaxed, as CUDA's are.
#pragma once

#include <bit>
#include <type_traits>

#include "simt/qualifiers.h"

namespace simt::detail {

/// From time to time, lets the other threads of the block run, and other blocks on this core, because this
/// thread may spin.
void spin();

template <class T>
using Bits = std::conditional_t<sizeof(T) == 8, unsigned long long,
                                std::conditional_t<sizeof(T) == 4, unsigned, unsigned short>>;

/// The thread's fences and atomic operations during the life of this object have the scope of a block. The
/// CPU makes no difference; the inspector is told by two fences that are calls only in its programs.
struct ForBlock {
  SIMT_AT_CALLER explicit ForBlock(bool is_so = true) : is_so_(is_so) {
    if (is_so_) __atomic_signal_fence(__ATOMIC_ACQUIRE);
  }
  SIMT_AT_CALLER ~ForBlock() {
    if (is_so_) __atomic_signal_fence(__ATOMIC_RELEASE);
  }
  ForBlock(const ForBlock&) = delete;
  ForBlock& operator=(const ForBlock&) = delete;

 private:
  const bool is_so_;
};

/// old = *address; *address = change(old), repeated until no other thread has changed *address in between.
template <class T, class Change>
SIMT_AT_CALLER T atomic_update(T* address, Change change, int order = __ATOMIC_RELAXED) {
  auto* bits = reinterpret_cast<Bits<T>*>(address);
  Bits<T> seen = __atomic_load_n(bits, __ATOMIC_RELAXED);
  for (;;) {
    const T old = std::bit_cast<T>(seen);
    const auto wanted = std::bit_cast<Bits<T>>(static_cast<T>(change(old)));
    if (__atomic_compare_exchange_n(bits, &seen, wanted, true, order, __ATOMIC_RELAXED)) return old;
  }
}

template <class T>
SIMT_AT_CALLER T atomic_compare_and_swap(T* address, T expected, T value) {
  const T wanted = expected;
  if (!__atomic_compare_exchange_n(address, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    spin();
    return expected;
  }
  return wanted;
}

template <class T>
SIMT_AT_CALLER T atomic_exchange(T* address, T value) {
  const T old = __atomic_exchange_n(address, value, __ATOMIC_RELAXED);
  if (old == value) spin();
  return old;
}

template <class T>
SIMT_AT_CALLER T atomic_add(T* address, T value) {
  if (value == 0) spin();
  return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}

}  // namespace simt::detail

// clang-format off
#define SIMT_ATOMIC_INTEGER(T)                                                                             \
  SIMT_AT_CALLER inline T atomicAdd(T* address, T value) { return simt::detail::atomic_add(address, value); }             \
  SIMT_AT_CALLER inline T atomicMin(T* address, T value) {                                                                \
    return simt::detail::atomic_update(address, [value](T old) { return value < old ? value : old; }); }   \
  SIMT_AT_CALLER inline T atomicMax(T* address, T value) {                                                                \
    return simt::detail::atomic_update(address, [value](T old) { return value > old ? value : old; }); }   \
  SIMT_AT_CALLER inline T atomicExch(T* address, T value) { return simt::detail::atomic_exchange(address, value); }       \
  SIMT_AT_CALLER inline T atomicCAS(T* address, T expected, T value) {                                                    \
    return simt::detail::atomic_compare_and_swap(address, expected, value); }                              \
  SIMT_AT_CALLER inline T atomicAnd(T* address, T value) { return __atomic_fetch_and(address, value, __ATOMIC_RELAXED); } \
  SIMT_AT_CALLER inline T atomicOr(T* address, T value) { return __atomic_fetch_or(address, value, __ATOMIC_RELAXED); }   \
  SIMT_AT_CALLER inline T atomicXor(T* address, T value) { return __atomic_fetch_xor(address, value, __ATOMIC_RELAXED); }
SIMT_ATOMIC_INTEGER(int)
SIMT_ATOMIC_INTEGER(unsigned int)
SIMT_ATOMIC_INTEGER(unsigned long long int)
#undef SIMT_ATOMIC_INTEGER
// clang-format on

SIMT_AT_CALLER inline long long atomicMin(long long* address, long long value) {
  return simt::detail::atomic_update(address, [value](long long old) { return value < old ? value : old; });
}
SIMT_AT_CALLER inline long long atomicMax(long long* address, long long value) {
  return simt::detail::atomic_update(address, [value](long long old) { return value > old ? value : old; });
}
SIMT_AT_CALLER inline unsigned short atomicCAS(unsigned short* address, unsigned short expected,
                                               unsigned short value) {
  return simt::detail::atomic_compare_and_swap(address, expected, value);
}

SIMT_AT_CALLER inline int atomicSub(int* address, int value) {
  return __atomic_fetch_sub(address, value, __ATOMIC_RELAXED);
}
SIMT_AT_CALLER inline unsigned atomicSub(unsigned* address, unsigned value) {
  return __atomic_fetch_sub(address, value, __ATOMIC_RELAXED);
}
/// Counts up and wraps to 0 after `limit`.
SIMT_AT_CALLER inline unsigned atomicInc(unsigned* address, unsigned limit) {
  return simt::detail::atomic_update(address, [limit](unsigned old) { return old >= limit ? 0 : old + 1; });
}
/// Counts down and wraps to `limit` after 0, or when above it.
SIMT_AT_CALLER inline unsigned atomicDec(unsigned* address, unsigned limit) {
  return simt::detail::atomic_update(
      address, [limit](unsigned old) { return old == 0 || old > limit ? limit : old - 1; });
}

SIMT_AT_CALLER inline float atomicAdd(float* address, float value) {
  return simt::detail::atomic_update(address, [value](float old) { return old + value; });
}
SIMT_AT_CALLER inline double atomicAdd(double* address, double value) {
  return simt::detail::atomic_update(address, [value](double old) { return old + value; });
}
SIMT_AT_CALLER inline float atomicExch(float* address, float value) {
  return simt::detail::atomic_update(address, [value](float) { return value; });
}

// A block or the whole system as the scope.
// clang-format off
#define SIMT_ATOMIC_SCOPES(name)                                                                          \
  template <class T, class... V> SIMT_AT_CALLER T name##_block(T* address, V... values) {                 \
    const simt::detail::ForBlock scope; return name(address, values...); }                                \
  template <class T, class... V> SIMT_AT_CALLER T name##_system(T* address, V... values) { return name(address, values...); }
SIMT_ATOMIC_SCOPES(atomicAdd) SIMT_ATOMIC_SCOPES(atomicSub) SIMT_ATOMIC_SCOPES(atomicMin)
SIMT_ATOMIC_SCOPES(atomicMax) SIMT_ATOMIC_SCOPES(atomicExch) SIMT_ATOMIC_SCOPES(atomicCAS)
SIMT_ATOMIC_SCOPES(atomicAnd) SIMT_ATOMIC_SCOPES(atomicOr) SIMT_ATOMIC_SCOPES(atomicXor)
SIMT_ATOMIC_SCOPES(atomicInc) SIMT_ATOMIC_SCOPES(atomicDec)
#undef SIMT_ATOMIC_SCOPES
    // clang-format on
