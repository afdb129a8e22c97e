// CUDA's declaration specifiers, in terms of ordinary C++ on the host.
#pragma once

// A compiler that instruments does not see what a call passes by value: `f(*pointer)` is a load only after f
// is inlined.
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define __global__ __attribute__((flatten))
#else
#define __global__
#endif
#define __device__
#define __host__
#define __constant__
#define __managed__
#define __grid_constant__
#define __forceinline__ __inline__ __attribute__((always_inline))
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)

// The runtime's own part of a kernel file, which is not instrumented for the inspector.
#if defined(__SANITIZE_THREAD__)
#define SIMT_UNWATCHED __attribute__((no_sanitize_thread))
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SIMT_UNWATCHED __attribute__((no_sanitize("thread")))
#endif
#endif
#ifndef SIMT_UNWATCHED
#define SIMT_UNWATCHED
#define SIMT_AT_CALLER
#define __shared__ static thread_local
#else  // SIMT_AT_CALLER: the line that the inspector names is the kernel's.
#define SIMT_AT_CALLER __attribute__((always_inline))
#define __shared__ static thread_local __attribute__((used))
#endif
// One block stays on one worker thread from start to end: a variable of that thread is shared by the block.
// "used": otherwise the compiler would treat an array that is never written as zeros, and would not read it.

// The translator adds this after such declarations.
#define SIMT_STATIC_SHARED(bytes)                                                             \
  static_assert((bytes) <= 48 * 1024,                                                         \
                "a kernel has at most 48 KiB of static shared memory; dynamic shared memory " \
                "(extern __shared__) can be larger")
