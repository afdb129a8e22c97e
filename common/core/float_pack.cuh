// Packs between memory, where they are float or bf16, and arithmetic, which is float.
#pragma once

#include "common/core/bf16.h"
#include "common/core/pack.h"

namespace wb {

/// The numbers of a pack as floats: exact. The pack comes by value: it is loaded as one, not number by
/// number.
template <int kWidth, class T>
__device__ Pack<kWidth> as_floats(Pack<kWidth, T> pack) {
  Pack<kWidth> floats;
  for (int j = 0; j < kWidth; ++j) floats.values[j] = to_float(pack.values[j]);
  return floats;
}

/// The pack to store: each number rounded to T.
template <class T, int kWidth>
__device__ Pack<kWidth, T> rounded_to(Pack<kWidth> floats) {
  Pack<kWidth, T> pack;
  for (int j = 0; j < kWidth; ++j) pack.values[j] = from_float<T>(floats.values[j]);
  return pack;
}

}  // namespace wb
