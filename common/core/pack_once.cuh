// Loads and stores of what is used once: the caches may drop it first.
//
// A row that is read once and never again otherwise drives out of the caches what every block needs: weights,
// a bias, a table.
#pragma once

#include <cuda_runtime.h>

#include "common/core/pack.h"

namespace wb {

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

}  // namespace wb
