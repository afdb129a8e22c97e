// A long row, half of it in registers and half in shared memory: two blocks fit on a multiprocessor, and one
// loads while the other reduces and stores.
//
// The second half is copied to shared memory without passing through registers (cp.async), so that the whole
// row is in flight at once. A thread reads from shared memory only what it has stored there, so no barrier is
// needed.
#pragma once

#include <cuda_pipeline_primitives.h>

#include "solutions/ladders/rows/held_packs.cuh"

namespace wb::ladder {

/// Shape is that of a half. kFull: every row fills both, so that nothing has to be checked.
template <class Shape, bool kFull = false>
class HalvedRow {
 public:
  using T = typename Shape::T;
  static constexpr int kWidth = Shape::kWidth, kPacks = Shape::kPacks;
  static constexpr int kSharedBytes = Shape::kColumns * static_cast<int>(sizeof(T));

  /// `shared` has kSharedBytes; columns is at most 2 * Shape::kColumns.
  __device__ HalvedRow(const T* row, int columns, unsigned char* shared)
      : columns_{min(columns, Shape::kColumns), max(columns - Shape::kColumns, 0)},
        shared_(reinterpret_cast<Pack<kWidth, T>*>(shared) + threadIdx.x) {
    const auto* second = reinterpret_cast<const Pack<kWidth, T>*>(row + Shape::kColumns);
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      if (!is_inside(kPacks + i)) continue;
      __pipeline_memcpy_async(&shared_[i * Shape::kThreads], &second[index(i)], sizeof(Pack<kWidth, T>));
    }
    __pipeline_commit();
    held_.ask_for(row, columns_[0]);
  }

  /// Calls use(value) for each float of this thread.
  template <class Use>
  __device__ void each(Use use) const {
#pragma unroll
    for (int i = 0; i < 2 * kPacks; ++i) {
      if (i == kPacks) __pipeline_wait_prior(0);
      if (!is_inside(i)) continue;
      const Pack<kWidth, T> values = pack(i);
#pragma unroll
      for (int j = 0; j < kWidth; ++j) use(to_float(values.values[j]));
    }
  }

  /// Pack i of this thread, in [0, 2 * kPacks); after the first call of each.
  __device__ Pack<kWidth, T> pack(int i) const {
    return i < kPacks ? held_.pack(i) : shared_[(i - kPacks) * Shape::kThreads];
  }
  __device__ bool is_inside(int i) const {
    return HeldPacks<Shape, kFull>::is_inside(i % kPacks, columns_[i / kPacks]);
  }
  /// Its place in the row, in packs.
  __device__ static int index(int i) {
    return HeldPacks<Shape>::index(i);
  }

 private:
  int columns_[2];
  HeldPacks<Shape, kFull> held_;
  Pack<kWidth, T>* shared_;
};

}  // namespace wb::ladder
