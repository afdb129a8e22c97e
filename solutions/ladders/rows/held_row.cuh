// A row of a matrix in the registers of the threads that share it.
//
// Thread t holds packs t, t + kThreads, t + 2 kThreads, ...: neighboring threads read neighboring packs, and
// all loads of a thread are in flight before it uses the first. A pack is 16 bytes if the rows allow it,
// otherwise one element. Memory holds T, float or bf16; registers hold floats.
//
// The threads are those of a block, or a warp of a block of dim3(32, rows): threadIdx.x numbers them in both
// cases.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "common/core/bf16.h"
#include "common/core/pack.h"

namespace wb::ladder {

/// kThreads threads hold up to kPacks packs of kWidth elements each.
template <class Element, int kWidthOf, int kPacksOf, int kThreadsOf>
struct RowShape {
  using T = Element;
  static constexpr int kWidth = kWidthOf, kPacks = kPacksOf, kThreads = kThreadsOf;
  static constexpr int kColumns = kWidth * kPacks * kThreads;  // of the longest row
};

/// The columns that a block owns. The last blocks of a cluster may own none.
struct Slice {
  int first, columns;
};

template <class Shape>
__device__ Slice slice_of(int slice, int c) {
  const int first = slice * Shape::kColumns;
  return {first, max(0, min(Shape::kColumns, c - first))};
}

/// A pack as memory has it. 16 bytes are four words: as eight bf16 that may be zeros they would take eight
/// registers.
template <int kWidth, class T>
using Words = std::conditional_t<sizeof(Pack<kWidth, T>) == 16, uint4, Pack<kWidth, T>>;

template <int kWidth, class T>
__device__ Pack<kWidth, T> as_pack(const Words<kWidth, T>& words) {
  return __builtin_bit_cast(Pack<kWidth, T>, words);
}

template <class T, int kWidth>
__device__ Pack<kWidth> to_floats(const Pack<kWidth, T>& pack) {
  Pack<kWidth> floats;
  for (int j = 0; j < kWidth; ++j) floats.values[j] = to_float(pack.values[j]);
  return floats;
}

template <class T, int kWidth>
__device__ Pack<kWidth, T> round_to(const Pack<kWidth>& floats) {
  Pack<kWidth, T> pack;
  for (int j = 0; j < kWidth; ++j) pack.values[j] = from_float<T>(floats.values[j]);
  return pack;
}

/// The packs of one thread, as floats, or as memory has them (Stored is T): bf16 then takes half the
/// registers. A pack past the end of the row is never visited.
template <class Shape, class Stored = float>
class HeldRow {
 public:
  using T = typename Shape::T;
  static constexpr int kWidth = Shape::kWidth, kPacks = Shape::kPacks, kThreads = Shape::kThreads;

  /// Reads a row: `columns` elements, a multiple of kWidth, at most Shape::kColumns.
  __device__ HeldRow(const T* row, int columns) : packs_of_row_(columns / kWidth) {
    const auto* in = reinterpret_cast<const Words<kWidth, T>*>(row);
    Words<kWidth, T> read[kPacks];
#pragma unroll
    for (int i = 0; i < kPacks; ++i) read[i] = is_inside(i) ? in[index(i)] : Words<kWidth, T>{};
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      if constexpr (kAsFloats) {
        packs_[i] = to_floats<T>(as_pack<kWidth, T>(read[i]));
      } else {
        packs_[i] = read[i];
      }
    }
  }

  /// Calls use(value) for each float that this thread holds; use may take it by reference where floats are
  /// held.
  template <class Use>
  __device__ void each(Use use) {
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      if (!is_inside(i)) continue;
#pragma unroll
      for (int j = 0; j < kWidth; ++j) {
        if constexpr (kAsFloats) {
          use(packs_[i].values[j]);
        } else {
          use(pack(i).values[j]);
        }
      }
    }
  }

  /// How many floats this thread holds.
  __device__ int count() const {
    int packs = 0;
#pragma unroll
    for (int i = 0; i < kPacks; ++i) packs += is_inside(i) ? 1 : 0;
    return packs * kWidth;
  }

  /// Writes a row as long as this one: make(pack, i) gives what to store, in floats, of a held pack and its
  /// place i in the thread.
  template <class Make>
  __device__ void store(T* row, Make make) const {
    auto* out = reinterpret_cast<Pack<kWidth, T>*>(row);
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      if (is_inside(i)) out[index(i)] = round_to<T>(make(pack(i), i));
    }
  }

  __device__ Pack<kWidth> pack(int i) const {
    if constexpr (kAsFloats) {
      return packs_[i];
    } else {
      return to_floats<T>(as_pack<kWidth, T>(packs_[i]));
    }
  }

  /// The pack at place i of another row as long as this one, weights for instance. Inside the row only.
  __device__ Pack<kWidth> same_place(const T* row, int i) const {
    return to_floats<T>(reinterpret_cast<const Pack<kWidth, T>*>(row)[index(i)]);
  }

  __device__ bool is_inside(int i) const {
    return index(i) < packs_of_row_;
  }

  /// The pack of the row that is this thread's i-th.
  __device__ static int index(int i) {
    return static_cast<int>(threadIdx.x) + i * kThreads;
  }

 private:
  static constexpr bool kAsFloats = std::is_same_v<Stored, float>;

  int packs_of_row_;
  std::conditional_t<kAsFloats, Pack<kWidth>, Words<kWidth, T>> packs_[kPacks];
};

/// The longest row that with_held_row takes, in elements.
inline constexpr int kLongestHeldRow = 32768;

/// Calls launch(RowShape) for the shape that holds a row of at most kLongestHeldRow columns. Short rows take
/// few threads with four loads each, so that many rows are in flight in one multiprocessor; a row of 128 KiB
/// takes all threads that it can get. `wide`: rows are whole packs of 16 bytes.
template <class T, class Launch>
void with_held_row(int columns, bool wide, Launch launch) {
  constexpr int kWide = 16 / sizeof(T);
  if (!wide) {
    if (columns <= 2048) return launch(RowShape<T, 1, 8, 256>{});
    return launch(RowShape<T, 1, 32, 1024>{});
  }
  const int packs = columns / kWide;
  if (packs <= 128) return launch(RowShape<T, kWide, 2, 64>{});
  if (packs <= 256) return launch(RowShape<T, kWide, 4, 64>{});
  if (packs <= 512) return launch(RowShape<T, kWide, 4, 128>{});
  if (packs <= 1024) return launch(RowShape<T, kWide, 4, 256>{});
  if (packs <= 2048) return launch(RowShape<T, kWide, 4, 512>{});
  if (packs <= 4096) return launch(RowShape<T, kWide, 4, 1024>{});
  if constexpr (kWide == 4) return launch(RowShape<T, kWide, 8, 1024>{});
}

/// Threads of a block that walks a longer row.
inline constexpr int kWalkingThreads = 1024;

/// The part of a longer row that a block reads at a time; kThreads is 32 where a warp walks it.
template <class T, int kThreads, bool kVectors>
using Chunk = RowShape<T, kVectors ? 16 / static_cast<int>(sizeof(T)) : 1, 4, kThreads>;

/// Calls use(chunk, its first column) for one chunk of the row after the other.
template <class Shape, class Use>
__device__ void walk_row(const typename Shape::T* row, int columns, Use use) {
  for (int first = 0; first < columns; first += min(Shape::kColumns, columns - first)) {
    HeldRow<Shape> chunk(row + first, min(Shape::kColumns, columns - first));
    use(chunk, first);
  }
}

}  // namespace wb::ladder
