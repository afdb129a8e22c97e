// Gradient of a normalization with everything that a thread needs in its registers: the weights of its
// columns, the sums down them, one row, and the next row. norm_backward.cuh has the formula and says which
// thread owns which elements.
#pragma once

#include "solutions/ladders/rows/cluster.cuh"
#include "solutions/ladders/rows/early_launch.cuh"
#include "solutions/ladders/rows/held_packs.cuh"
#include "solutions/ladders/rows/norm_backward.cuh"

namespace wb::ladder {

/// A slice of a row of dy and x.
template <class Shape>
struct PackedRow {
  HeldPacks<Shape> dy, x;
  float mean = 0.0f, rstd = 0.0f;

  /// Asks for it. A row past the last is zeros.
  template <bool kCentered>
  __device__ void ask_for(const NormBackwardArguments<typename Shape::T>& a, std::int64_t row, Slice slice) {
    const std::int64_t start = row * a.c + slice.first;
    const bool is_there = row < a.n;
    dy.ask_for(a.dy + start, is_there ? slice.columns : 0);
    x.ask_for(a.x + start, is_there ? slice.columns : 0);
    if (kCentered) mean = is_there ? a.mean[row] : 0.0f;
    rstd = is_there ? a.rstd[row] : 0.0f;
  }

  __device__ float xhat(int i, int j) const { return (x.at(i, j) - mean) * rstd; }
};

/// The columns of one thread.
template <class Shape, bool kCentered>
class HeldColumns {
 public:
  using T = typename Shape::T;
  static constexpr int kWidth = Shape::kWidth, kPacks = Shape::kPacks;
  using Sums = Known<kCentered ? 2 : 1>;  // {sum of g xhat, sum of g} along a row

  __device__ HeldColumns(const T* weight, Slice slice) : slice_(slice) {
    weight_.ask_for(weight + slice.first, slice.columns);
  }

  /// Adds a row to the sums down the columns; returns this thread's part of those along the row.
  __device__ Sums add(const PackedRow<Shape>& row) {
    Sums along = {};
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
#pragma unroll
      for (int j = 0; j < kWidth; ++j) {
        const float dy = row.dy.at(i, j), xhat = row.xhat(i, j), g = dy * weight_.at(i, j);
        dweight_[i].values[j] += dy * xhat;
        along.of[0] += g * xhat;
        if constexpr (kCentered) {
          dbias_[i].values[j] += dy;
          along.of[1] += g;
        }
      }
    }
    return along;
  }

  /// Writes dx of a row whose sums are known.
  __device__ void store_dx(const NormBackwardArguments<T>& a, std::int64_t index, const PackedRow<Shape>& row,
                           const Sums& along) const {
    const float scale = row.rstd / static_cast<float>(a.c);
    const float dot = along.of[0] * scale, mean_g = kCentered ? along.of[kCentered ? 1 : 0] * scale : 0.0f;
    store_packs<Shape, false>(a.dx + index * a.c + slice_.first, slice_.columns, [&](int i, int j) {
      return row.rstd * (row.dy.at(i, j) * weight_.at(i, j)) - mean_g - row.xhat(i, j) * dot;
    });
  }

  /// Stores the sums as row `block` of `blocks` of the partials.
  __device__ void store_sums(float* partials, int block, int blocks, int c) const {
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      if (!HeldPacks<Shape>::is_inside(i, slice_.columns)) continue;
      float* out = partials + static_cast<std::int64_t>(block) * c + slice_.first +
                   HeldPacks<Shape>::index(i) * kWidth;
#pragma unroll
      for (int j = 0; j < kWidth; ++j) {
        out[j] = dweight_[i].values[j];
        if constexpr (kCentered) out[static_cast<std::int64_t>(blocks) * c + j] = dbias_[i].values[j];
      }
    }
  }

 private:
  Slice slice_;
  HeldPacks<Shape> weight_;
  Pack<kWidth> dweight_[kPacks] = {};
  Pack<kWidth> dbias_[kCentered ? kPacks : 1] = {};
};

/// Calls launch(RowShape, blocks of it that a multiprocessor should hold) for rows of c columns. Longer ones
/// than kWidestSlice are cut. `wide`: rows are whole packs of 16 bytes.
template <class T, class Launch>
void with_held_columns(int c, bool wide, Launch launch) {
  constexpr int kWide = 16 / sizeof(T);
  const int packs = c / kWide;
  using std::integral_constant;
  if (!wide) {
    if (c <= 1024) return launch(RowShape<T, 1, 4, 256>{}, integral_constant<int, 3>{});
    return launch(RowShape<T, 1, 16, 512>{}, integral_constant<int, 1>{});
  }
  if (packs <= 128) return launch(RowShape<T, kWide, 1, 128>{}, integral_constant<int, 6>{});
  if (packs <= 256) return launch(RowShape<T, kWide, 1, 256>{}, integral_constant<int, 4>{});
  if (packs <= 512) return launch(RowShape<T, kWide, 1, 512>{}, integral_constant<int, 2>{});
  if constexpr (kWide == 8) return launch(RowShape<T, kWide, 2, 512>{}, integral_constant<int, 1>{});
  if constexpr (kWide == 4) {
    if (packs <= 1024) return launch(RowShape<T, kWide, 2, 512>{}, integral_constant<int, 1>{});
    return launch(RowShape<T, kWide, 4, 512>{}, integral_constant<int, 1>{});
  }
}

/// Launches add_partials for `arrays` arrays of c sums: a block per strip of 32 columns.
template <class... Parameters, class... Arguments>
void launch_add_partials(void (*add_partials)(Parameters...), int c, int arrays, cudaStream_t stream,
                         Arguments... arguments) {
  const dim3 grid(static_cast<unsigned>((c - 1) / kStrip + 1), static_cast<unsigned>(arrays));
  launch_early(add_partials, {grid, dim3(kStrip, kStrip)}, stream, arguments...);
}

}  // namespace wb::ladder
