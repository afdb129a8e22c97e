// Loads that do not wait for each other.
//
// A loop that loads a value, uses it and stores the result has one load on its way at a time: no compiler
// moves a load above a store that, for all it knows, may write where the load reads.
#pragma once

#include <cuda_runtime.h>

namespace wb {

/// Calls use(i, at, load(i, at)) for i = 0, ..., kCount - 1 with at = first + i * step, as long as at <
/// count. The loads of two are in flight before the first is used; more would take many registers.
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
