// Gradient of a normalization over many rows by one block: what the rungs of layernorm and rmsnorm share.
//
// With xhat = (x - mean) rstd and g = dy weight:
//   dx[i, c] = rstd[i] (g[i, c] - mean_c(g) - xhat[i, c] mean_c(g xhat))
//   dweight[c] = sum over i of dy[i, c] xhat[i, c],   dbias[c] = sum over i of dy[i, c]
// rmsnorm (not kCentered) has no mean, no mean_c(g) and no bias.
//
// Block (b, slice) takes rows b, b + gridDim.x, ... and owns a slice of the columns. A thread owns the same
// columns of every row, so the sums down its columns stay in its registers from the first row to the last,
// without a barrier and without atomics; at the end the block stores them as its row of `partials`, and
// add_partials sums the rows, always in the same order.
#pragma once

#include <algorithm>

#include "common/core/device_attribute.h"
#include "solutions/ladders/rows/held_row.cuh"
#include "solutions/ladders/rows/meet.cuh"

namespace wb::ladder {

template <class T>
struct NormBackwardArguments {
  const T* dy;        // (N, C)
  const T* x;         // (N, C)
  const T* weight;    // (C)
  const float* mean;  // (N), null for rmsnorm
  const float* rstd;  // (N)
  T* dx;              // (N, C)
  float* partials;    // (1 or 2, blocks, C): of dweight, then of dbias
  int n, c;
};

/// A slice of one row.
template <class Shape>
struct RowOfGradient {
  HeldRow<Shape, typename Shape::T> dy, x;
  float mean, rstd;
};

/// Asks for it: no load is waited for. A row past the last is empty.
template <class Shape, bool kCentered>
__device__ RowOfGradient<Shape> read_row(const NormBackwardArguments<typename Shape::T>& a, std::int64_t row,
                                         Slice slice) {
  using Held = HeldRow<Shape, typename Shape::T>;
  if (row >= a.n) return {Held(a.dy, 0), Held(a.x, 0), 0.0f, 0.0f};
  const std::int64_t start = row * a.c + slice.first;
  return {Held(a.dy + start, slice.columns), Held(a.x + start, slice.columns), kCentered ? a.mean[row] : 0.0f,
          a.rstd[row]};
}

/// Adds what a pack gives to {sum of g, sum of g xhat}.
template <int kWidth>
__device__ void add_pack(Known<2>& known, const Pack<kWidth>& dy, const Pack<kWidth>& x,
                         const Pack<kWidth>& weight, float mean, float rstd) {
  for (int j = 0; j < kWidth; ++j) {
    const float g = dy.values[j] * weight.values[j];
    known.of[0] += g;
    known.of[1] += g * ((x.values[j] - mean) * rstd);
  }
}

/// The sums down the columns of one thread.
template <class Shape, bool kCentered>
class ColumnSums {
 public:
  using T = typename Shape::T;
  static constexpr int kWidth = Shape::kWidth, kPacks = Shape::kPacks;

  /// Adds a row; returns {sum of g, sum of g xhat} over this thread's columns. weight: of the slice.
  __device__ Known<2> add(const RowOfGradient<Shape>& row, const T* weight) {
    Known<2> known = {};
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      if (!row.dy.is_inside(i)) continue;
      const Pack<kWidth> dy = row.dy.pack(i), x = row.x.pack(i);
      add_pack(known, dy, x, row.dy.same_place(weight, i), row.mean, row.rstd);
#pragma unroll
      for (int j = 0; j < kWidth; ++j) {
        dweight_[i].values[j] += dy.values[j] * ((x.values[j] - row.mean) * row.rstd);
        if constexpr (kCentered) dbias_[i].values[j] += dy.values[j];
      }
    }
    return known;
  }

  /// Stores the sums as row `block` of `blocks` of the partials.
  __device__ void store(float* partials, int block, int blocks, Slice slice, int c) const {
    const int packs = slice.columns / kWidth;
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      const int index = HeldRow<Shape>::index(i);
      if (index >= packs) continue;
      float* out = partials + static_cast<std::int64_t>(block) * c + slice.first + index * kWidth;
#pragma unroll
      for (int j = 0; j < kWidth; ++j) out[j] = dweight_[i].values[j];
      if constexpr (kCentered) {
        out += static_cast<std::int64_t>(blocks) * c;
#pragma unroll
        for (int j = 0; j < kWidth; ++j) out[j] = dbias_[i].values[j];
      }
    }
  }

 private:
  Pack<kWidth> dweight_[kPacks] = {};
  Pack<kWidth> dbias_[kCentered ? kPacks : 1] = {};
};

/// {sum of g, sum of g xhat} over this thread's share of the columns outside the slice, read a pack at a
/// time.
template <class Shape, bool kCentered>
__device__ Known<2> of_other_columns(const NormBackwardArguments<typename Shape::T>& a, std::int64_t row,
                                     Slice slice) {
  constexpr int kWidth = Shape::kWidth;
  using P = Pack<kWidth, typename Shape::T>;
  const auto* dy = reinterpret_cast<const P*>(a.dy + row * a.c);
  const auto* x = reinterpret_cast<const P*>(a.x + row * a.c);
  const auto* weight = reinterpret_cast<const P*>(a.weight);
  const float mean = kCentered ? a.mean[row] : 0.0f, rstd = a.rstd[row];
  Known<2> known = {};
  for (int i = static_cast<int>(threadIdx.x); i < a.c / kWidth; i += Shape::kThreads) {
    if (i >= slice.first / kWidth && i < (slice.first + slice.columns) / kWidth) continue;
    add_pack(known, to_floats(dy[i]), to_floats(x[i]), to_floats(weight[i]), mean, rstd);
  }
  return known;
}

/// Writes dx. known: {sum of g, sum of g xhat} over the whole row.
template <class Shape, bool kCentered>
__device__ void store_dx(const NormBackwardArguments<typename Shape::T>& a, std::int64_t row, Slice slice,
                         const RowOfGradient<Shape>& mine, const Known<2>& known) {
  constexpr int kWidth = Shape::kWidth;
  const float mean_g = kCentered ? known.of[0] / static_cast<float>(a.c) : 0.0f;
  const float mean_dot = known.of[1] / static_cast<float>(a.c);
  mine.dy.store(a.dx + row * a.c + slice.first, [&](const Pack<kWidth>& dy, int i) {
    const Pack<kWidth> x = mine.x.pack(i), weight = mine.dy.same_place(a.weight + slice.first, i);
    Pack<kWidth> dx;
    for (int j = 0; j < kWidth; ++j) {
      const float xhat = (x.values[j] - mine.mean) * mine.rstd;
      dx.values[j] = mine.rstd * (dy.values[j] * weight.values[j] - mean_g - xhat * mean_dot);
    }
    return dx;
  });
}

/// Columns of the widest slice that a block owns.
inline constexpr int kWidestSlice = 8192;

/// Calls launch(RowShape, blocks of it that a multiprocessor should hold) for rows of c columns. Longer rows
/// than kWidestSlice are cut. With blocks of 256 threads a multiprocessor holds three or four, so that some
/// load while others reduce; with 16 columns per thread, 512 threads need all registers of a multiprocessor.
template <class T, class Launch>
void with_gradient_shape(int c, bool wide, Launch launch) {
  constexpr int kWide = 16 / sizeof(T);
  if (!wide) {
    if (c <= 1024) return launch(RowShape<T, 1, 4, 256>{}, std::integral_constant<int, 3>{});
    return launch(RowShape<T, 1, 16, 512>{}, std::integral_constant<int, 1>{});
  }
  const int packs = c / kWide;
  if (packs <= 128) return launch(RowShape<T, kWide, 1, 128>{}, std::integral_constant<int, 4>{});
  if (packs <= 256) return launch(RowShape<T, kWide, 1, 256>{}, std::integral_constant<int, 3>{});
  if (packs <= 512) return launch(RowShape<T, kWide, 2, 256>{}, std::integral_constant<int, 2>{});
  if constexpr (kWide == 8) return launch(RowShape<T, kWide, 2, 512>{}, std::integral_constant<int, 1>{});
  if constexpr (kWide == 4) {
    if (packs <= 1024) return launch(RowShape<T, kWide, 2, 512>{}, std::integral_constant<int, 1>{});
    return launch(RowShape<T, kWide, 4, 512>{}, std::integral_constant<int, 1>{});
  }
}

/// (blocks that share the rows, slices of the columns): as many blocks as the device holds at once, but no
/// more than there are rows, nor than the partials have room for.
inline dim3 gradient_grid(int n, int room, int blocks_of_multiprocessor, int slices) {
  const int resident = device_attribute(cudaDevAttrMultiProcessorCount) * blocks_of_multiprocessor;
  return dim3(static_cast<unsigned>(std::min({n, resident, room})), static_cast<unsigned>(slices));
}

inline constexpr int kStrip = 32;  // columns of a block of add_partials, and warps of it

/// Block (strip, which) of dim3(kStrip, kStrip) adds the partials of 32 columns to dweight or dbias.
__device__ inline void sum_partials(const float* partials,  // (gridDim.y, blocks, C)
                                    float* dweight,         // (C)
                                    float* dbias,           // (C), where gridDim.y is 2
                                    int blocks, int c) {
  __shared__ float of_warp[kStrip][kStrip + 1];
  const int lane = static_cast<int>(threadIdx.x), warp = static_cast<int>(threadIdx.y);
  const int first = static_cast<int>(blockIdx.x) * kStrip, column = first + lane;
  const float* rows = partials + static_cast<std::int64_t>(blockIdx.y) * blocks * c;
  float sum = 0.0f;
  if (column < c) {
#pragma unroll 8
    for (int row = warp; row < blocks; row += kStrip)
      sum += rows[static_cast<std::int64_t>(row) * c + column];
  }
  of_warp[warp][lane] = sum;
  __syncthreads();
  // Each warp takes one column: its lanes hold what the warps have found.
  const Known<1> all = meet_in_warp<kWarp>(Known<1>{{of_warp[lane][warp]}}, Add{});
  if (lane == 0 && first + warp < c) (blockIdx.y == 0 ? dweight : dbias)[first + warp] += all.of[0];
}

}  // namespace wb::ladder
