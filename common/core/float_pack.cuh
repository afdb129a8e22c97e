// Conversion of packs between their type in memory, float or bf16, and float, the type of the arithmetic.
#pragma once

#include "common/core/bf16.h"
#include "common/core/pack.h"

namespace wb {

/// The numbers of a pack as floats, without rounding. The pack is passed by value, so that it is loaded by
/// one instruction.
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
