// Loads of 16 bytes with hints to the caches: keep the data or evict it first (PTX ISA, "Cache eviction
// priority hints").
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace wb::ladder {

/// For data that is read again: both caches evict it last.
template <class T>
__device__ uint4 load_to_keep(const T* in) {
  std::uint64_t policy;
  uint4 words;
  asm("createpolicy.fractional.L2::evict_last.b64 %0, 1.0;" : "=l"(policy));
  asm volatile("ld.global.L1::evict_last.L2::cache_hint.v4.u32 {%0, %1, %2, %3}, [%4], %5;"
               : "=r"(words.x), "=r"(words.y), "=r"(words.z), "=r"(words.w)
               : "l"(in), "l"(policy));
  return words;
}

/// For data that is not read again: both caches evict it first.
template <class T>
__device__ uint4 load_to_drop(const T* in) {
  std::uint64_t policy;
  uint4 words;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  asm volatile("ld.global.L1::evict_first.L2::cache_hint.v4.u32 {%0, %1, %2, %3}, [%4], %5;"
               : "=r"(words.x), "=r"(words.y), "=r"(words.z), "=r"(words.w)
               : "l"(in), "l"(policy));
  return words;
}

}  // namespace wb::ladder
