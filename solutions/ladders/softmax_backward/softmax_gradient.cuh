// What the rungs of softmax's gradient share: dx = y (dy - dot), where dot is the sum of dy y over the row.
#pragma once

#include "solutions/ladders/rows/held_row.cuh"
#include "solutions/ladders/rows/meet.cuh"

namespace wb::ladder {

/// The longest row of which a block holds both dy and y: 128 registers per thread cannot hold more.
inline constexpr int kLongestHeldPair = 16384;

/// Calls launch(RowShape) for the shape that holds two rows of at most kLongestHeldPair columns.
template <class T, class Launch>
void with_held_pair(int columns, bool wide, Launch launch) {
  constexpr int kWide = 16 / sizeof(T);
  if (!wide) {
    if (columns <= 1024) return launch(RowShape<T, 1, 4, 256>{});
    return launch(RowShape<T, 1, 16, 1024>{});
  }
  const int packs = columns / kWide;
  if (packs <= 128) return launch(RowShape<T, kWide, 2, 64>{});
  if (packs <= 256) return launch(RowShape<T, kWide, 2, 128>{});
  if (packs <= 512) return launch(RowShape<T, kWide, 4, 128>{});
  if (packs <= 1024) return launch(RowShape<T, kWide, 4, 256>{});
  if (packs <= 2048) return launch(RowShape<T, kWide, 4, 512>{});
  if constexpr (kWide == 4) return launch(RowShape<T, kWide, 4, 1024>{});
}

/// This thread's share of dot.
template <class Shape>
__device__ float dot_held(const HeldRow<Shape, typename Shape::T>& dy,
                          const HeldRow<Shape, typename Shape::T>& y) {
  float dot = 0.0f;
#pragma unroll
  for (int i = 0; i < Shape::kPacks; ++i) {
    if (!y.is_inside(i)) continue;
    const Pack<Shape::kWidth> dys = dy.pack(i), ys = y.pack(i);
    for (int j = 0; j < Shape::kWidth; ++j) dot += dys.values[j] * ys.values[j];
  }
  return dot;
}

template <class Shape>
__device__ void store_gradient(typename Shape::T* dx, const HeldRow<Shape, typename Shape::T>& dy,
                               const HeldRow<Shape, typename Shape::T>& y, float dot) {
  y.store(dx, [&](const Pack<Shape::kWidth>& ys, int i) {
    Pack<Shape::kWidth> dxs = dy.pack(i);
    for (int j = 0; j < Shape::kWidth; ++j) dxs.values[j] = ys.values[j] * (dxs.values[j] - dot);
    return dxs;
  });
}

/// The gradient of a row of any length by the threads of Shape: read twice, a chunk at a time.
template <class Shape>
__device__ void walk_gradient(const typename Shape::T* dy,  // (columns)
                              const typename Shape::T* y,   // (columns)
                              typename Shape::T* dx,        // (columns)
                              int columns) {
  using Held = HeldRow<Shape, typename Shape::T>;
  const auto width = [&](int first) { return min(Shape::kColumns, columns - first); };
  float dot = 0.0f;
  for (int first = 0; first < columns; first += width(first)) {
    dot += dot_held<Shape>(Held(dy + first, width(first)), Held(y + first, width(first)));
  }
  dot = meet_sum<Shape::kThreads>(dot);
  for (int first = 0; first < columns; first += width(first)) {
    store_gradient<Shape>(dx + first, Held(dy + first, width(first)), Held(y + first, width(first)), dot);
  }
}

// For rows that no block holds.
template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads)
    softmax_gradient_walked(const typename Shape::T* dy,  // (rows, columns)
                            const typename Shape::T* y,   // (rows, columns)
                            typename Shape::T* dx,        // (rows, columns)
                            int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  walk_gradient<Shape>(dy + start, y + start, dx + start, columns);
}

/// softmax_gradient_walked for a block of kWalkingThreads per row.
template <class T>
auto* softmax_gradient_walked_kernel(bool wide) {
  return wide ? softmax_gradient_walked<Chunk<T, kWalkingThreads, true>>
              : softmax_gradient_walked<Chunk<T, kWalkingThreads, false>>;
}

}  // namespace wb::ladder
