// Loads and stores of packs with a hint on how long their values are needed.
//
// A value that is used once may be evicted first. Otherwise a row that is never read again evicts values that
// every block needs, such as weights, a bias or a table. If no thread writes a value while the kernel runs,
// the compiler may move its load above stores.
#pragma once

#include <cuda_runtime.h>

#include "common/core/bf16.h"
#include "common/core/pack.h"

namespace wb {

/// For data that this kernel does not read again.
template <int kWidth>
__device__ Pack<kWidth> load_once(const Pack<kWidth>* pack) {
  static_assert(kWidth == 1 || kWidth == 4);
  if constexpr (kWidth == 1) {
    return {{__ldcs(pack->values)}};
  } else {
    const float4 v = __ldcs(reinterpret_cast<const float4*>(pack));
    return {{v.x, v.y, v.z, v.w}};
  }
}

/// For memory that nothing writes while the kernel runs.
template <int kWidth>
__device__ Pack<kWidth> load_constant(const Pack<kWidth>* pack) {
  static_assert(kWidth == 1 || kWidth == 4);
  if constexpr (kWidth == 1) {
    return {{__ldg(pack->values)}};
  } else {
    const float4 v = __ldg(reinterpret_cast<const float4*>(pack));
    return {{v.x, v.y, v.z, v.w}};
  }
}

template <int kWidth>
__device__ void store_once(Pack<kWidth>* pack, const Pack<kWidth>& value) {
  static_assert(kWidth == 1 || kWidth == 4);
  const float* v = value.values;
  if constexpr (kWidth == 1) {
    __stcs(pack->values, v[0]);
  } else {
    __stcs(reinterpret_cast<float4*>(pack), make_float4(v[0], v[1], v[2], v[3]));
  }
}

// Packs of bf16 are loaded and stored as any other: they say nothing yet.

template <int kWidth>
__device__ Pack<kWidth, bf16> load_once(const Pack<kWidth, bf16>* pack) {
  return *pack;
}

template <int kWidth>
__device__ Pack<kWidth, bf16> load_constant(const Pack<kWidth, bf16>* pack) {
  return *pack;
}

template <int kWidth>
__device__ void store_once(Pack<kWidth, bf16>* pack, const Pack<kWidth, bf16>& value) {
  *pack = value;
}

}  // namespace wb
