// Loads that do not wait for each other.
//
// A loop that loads a value, uses it and stores the result has only one load in flight: the compiler cannot
// move a load above a store that may write to the address of the load.
#pragma once

#include <cuda_runtime.h>

namespace wb {

/// Calls use(i, at, load(i, at)) for i = 0, ..., kCount - 1 with at = first + i * step, as long as at <
/// count. Two loads are in flight before the value of the first is used; more would take many registers.
template <int kCount, class Load, class Use>
__device__ void with_loads_ahead(int first, int step, int count, Load load, Use use) {
  constexpr int kAtOnce = 2;
#pragma unroll
  for (int start = 0; start < kCount; start += kAtOnce) {
    decltype(load(0, 0)) loaded[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int at = first + (start + i) * step;
      if (start + i < kCount && at < count) loaded[i] = load(start + i, at);
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int at = first + (start + i) * step;
      if (start + i < kCount && at < count) use(start + i, at, loaded[i]);
    }
  }
}

}  // namespace wb
