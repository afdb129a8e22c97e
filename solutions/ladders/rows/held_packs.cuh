// A thread's part of a row or of the weights, in the format of memory, with zeros past the end, so that
// arithmetic needs no bounds checks.
#pragma once

#include "solutions/ladders/rows/held_row.cuh"

namespace wb::ladder {

/// The packs of one thread. kFull: every row fills the shape, so that nothing has to be checked.
template <class Shape, bool kFull = false>
class HeldPacks {
 public:
  using T = typename Shape::T;
  static constexpr int kWidth = Shape::kWidth, kPacks = Shape::kPacks;

  /// Asks for `columns` elements; nothing is waited for.
  __device__ void ask_for(const T* row, int columns) {
    const auto* in = reinterpret_cast<const Words<kWidth, T>*>(row);
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      words_[i] = is_inside(i, columns) ? in[index(i)] : Words<kWidth, T>{};
    }
  }

  /// Calls use(value) for each float inside the row.
  template <class Use>
  __device__ void each(int columns, Use use) const {
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      if (!is_inside(i, columns)) continue;
#pragma unroll
      for (int j = 0; j < kWidth; ++j) use(at(i, j));
    }
  }

  /// Pack i as memory has it.
  __device__ const Words<kWidth, T>& words(int i) const {
    return words_[i];
  }
  __device__ Pack<kWidth, T> pack(int i) const {
    return as_pack<kWidth, T>(words_[i]);
  }
  __device__ float at(int i, int j) const {
    return to_float(pack(i).values[j]);
  }

  __device__ static int index(int i) {
    return static_cast<int>(threadIdx.x) + i * Shape::kThreads;
  }
  __device__ static bool is_inside(int i, int columns) {
    return kFull || index(i) < columns / kWidth;
  }

 private:
  Words<kWidth, T> words_[kPacks];
};

/// Pack `at` of what no kernel writes meanwhile: a load that may move ahead of stores.
template <int kWidth, class T>
__device__ Pack<kWidth, T> load_words(const T* row, int at) {
  const auto* words = reinterpret_cast<const Words<kWidth, T>*>(row) + at;
  if constexpr (sizeof(*words) == 16) {
    const float4 four = __ldg(reinterpret_cast<const float4*>(words));
    return __builtin_bit_cast(Pack<kWidth, T>, four);
  } else {
    return as_pack<kWidth, T>(*words);
  }
}

/// Writes what make(i, j) gives for element j of pack i.
template <class Shape, bool kFull, class Make>
__device__ void store_packs(typename Shape::T* row, int columns, Make make) {
  constexpr int kWidth = Shape::kWidth;
  auto* out = reinterpret_cast<Pack<kWidth, typename Shape::T>*>(row);
#pragma unroll
  for (int i = 0; i < Shape::kPacks; ++i) {
    Pack<kWidth> floats;
#pragma unroll
    for (int j = 0; j < kWidth; ++j) floats.values[j] = make(i, j);
    if (HeldPacks<Shape, kFull>::is_inside(i, columns)) {
      out[HeldPacks<Shape, kFull>::index(i)] = round_to<typename Shape::T>(floats);
    }
  }
}

/// Calls launch(RowShape, whether rows fill it) for rows of at most 8192 columns, 16384 in bf16, that are
/// whole packs of 16 bytes; returns whether there is a shape.
template <class T, class Launch>
bool with_held_packs(int columns, bool wide, Launch launch) {
  constexpr int kWide = 16 / sizeof(T);
  const int packs = columns / kWide;
  const auto launch_shape = [&](auto shape) {
    if (columns == shape.kColumns) {
      launch(shape, std::true_type{});
    } else {
      launch(shape, std::false_type{});
    }
    return true;
  };
  if (!wide || packs > 2048) return false;
  if (packs <= 128) return launch_shape(RowShape<T, kWide, 1, 128>{});
  if (packs <= 256) return launch_shape(RowShape<T, kWide, 2, 128>{});
  if (packs <= 512) return launch_shape(RowShape<T, kWide, 2, 256>{});
  if (packs <= 1024) return launch_shape(RowShape<T, kWide, 4, 256>{});
  return launch_shape(RowShape<T, kWide, 4, 512>{});
}

}  // namespace wb::ladder
