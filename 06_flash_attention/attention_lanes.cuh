// A row of a head spread over some lanes of a warp: load it, store it, multiply it. A warp holds several rows
// at a time, a group of lanes each.
#pragma once

#include "06_flash_attention/attention_heads.cuh"

namespace wb::flash {

constexpr unsigned int kWholeWarp = 0xffffffffu;

/// What one of kLanes lanes holds of a row: four neighboring features of each 4 kLanes. Those past d are 0.
template <int kHead, int kLanes>
struct LaneRow {
  static constexpr int kVectors = kHead / (4 * kLanes);
  float4 x[kVectors] = {};

  /// The first feature of vector i.
  static __device__ int feature(int i) { return 4 * static_cast<int>(threadIdx.x % kLanes) + 4 * kLanes * i; }
};

/// Whether each row of each head can be read four features at a time, by one load of 16 bytes.
inline bool is_made_of_float4s(const HeadsView<const float>& view, int d) {
  return view.stride_d == 1 && d % 4 == 0 && view.stride_t % 4 == 0 && view.stride_h % 4 == 0 &&
         view.stride_b % 4 == 0 && reinterpret_cast<std::uintptr_t>(view.data) % sizeof(float4) == 0;
}

/// Row t of a head in global memory. Each lane of a group reads its own features.
template <int kHead, int kLanes, bool kFloat4s>
__device__ __forceinline__ LaneRow<kHead, kLanes> load_row(const HeadMatrix<const float>& head, int t,
                                                           int d) {
  using Row = LaneRow<kHead, kLanes>;
  Row row;
  const float* data = head.data + t * head.stride_t;
#pragma unroll
  for (int i = 0; i < Row::kVectors; ++i) {
    const int c = Row::feature(i);
    if constexpr (kFloat4s) {
      // One load where the four lie side by side.
      if (c < d) row.x[i] = *reinterpret_cast<const float4*>(data + c);
    } else {
      // Four where they lie a stride apart, each from a sector of its own.
      if (c < d) row.x[i].x = data[c * head.stride_d];
      if (c + 1 < d) row.x[i].y = data[(c + 1) * head.stride_d];
      if (c + 2 < d) row.x[i].z = data[(c + 2) * head.stride_d];
      if (c + 3 < d) row.x[i].w = data[(c + 3) * head.stride_d];
    }
  }
  return row;
}

/// a . b of each group's rows, the same in all of its lanes. All 32 lanes must call it.
template <int kHead, int kLanes>
__device__ __forceinline__ float dot(const LaneRow<kHead, kLanes>& a, const LaneRow<kHead, kLanes>& b) {
  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < LaneRow<kHead, kLanes>::kVectors; ++i) {
    sum += a.x[i].x * b.x[i].x + a.x[i].y * b.x[i].y + a.x[i].z * b.x[i].z + a.x[i].w * b.x[i].w;
  }
#pragma unroll
  for (int distance = kLanes / 2; distance > 0; distance /= 2) {
    sum += __shfl_xor_sync(kWholeWarp, sum, distance);
  }
  return sum;
}

/// sum += factor * row
template <int kHead, int kLanes>
__device__ __forceinline__ void add_to(LaneRow<kHead, kLanes>& sum, float factor,
                                       const LaneRow<kHead, kLanes>& row) {
#pragma unroll
  for (int i = 0; i < LaneRow<kHead, kLanes>::kVectors; ++i) {
    sum.x[i].x += factor * row.x[i].x;
    sum.x[i].y += factor * row.x[i].y;
    sum.x[i].z += factor * row.x[i].z;
    sum.x[i].w += factor * row.x[i].w;
  }
}

template <int kHead, int kLanes>
__device__ __forceinline__ void scale(LaneRow<kHead, kLanes>& row, float factor) {
#pragma unroll
  for (int i = 0; i < LaneRow<kHead, kLanes>::kVectors; ++i) {
    row.x[i].x *= factor;
    row.x[i].y *= factor;
    row.x[i].z *= factor;
    row.x[i].w *= factor;
  }
}

/// combine(a, b) over the values that the groups of kLanes lanes hold, the same in every lane. All 32 lanes
/// must call it.
template <int kLanes, class Combine>
__device__ __forceinline__ float over_groups(float value, Combine combine) {
#pragma unroll
  for (int distance = 16; distance >= kLanes; distance /= 2) {
    value = combine(value, __shfl_xor_sync(kWholeWarp, value, distance));
  }
  return value;
}

/// Adds up the rows that the groups hold.
template <int kHead, int kLanes>
__device__ __forceinline__ void sum_groups(LaneRow<kHead, kLanes>& row) {
  const auto add = [](float a, float b) { return a + b; };
#pragma unroll
  for (int i = 0; i < LaneRow<kHead, kLanes>::kVectors; ++i) {
    row.x[i].x = over_groups<kLanes>(row.x[i].x, add);
    row.x[i].y = over_groups<kLanes>(row.x[i].y, add);
    row.x[i].z = over_groups<kLanes>(row.x[i].z, add);
    row.x[i].w = over_groups<kLanes>(row.x[i].w, add);
  }
}

/// Writes factor * row, of which every group holds a copy, to row t of `target`.
template <int kHead, int kLanes>
__device__ __forceinline__ void store_row(const HeadMatrix<float>& target, const LaneRow<kHead, kLanes>& row,
                                          float factor, int t, int d) {
  if (threadIdx.x % 32 >= kLanes) return;
#pragma unroll
  for (int i = 0; i < LaneRow<kHead, kLanes>::kVectors; ++i) {
    const int c = LaneRow<kHead, kLanes>::feature(i);
    if (c < d) target.at(t, c) = factor * row.x[i].x;
    if (c + 1 < d) target.at(t, c + 1) = factor * row.x[i].y;
    if (c + 2 < d) target.at(t, c + 2) = factor * row.x[i].z;
    if (c + 3 < d) target.at(t, c + 3) = factor * row.x[i].w;
  }
}

/// Calls step(first, guarded) until each group has had its share of rows begin..last: a group's rows are
/// first, first + 32 / kLanes, ..., kAtOnce of them. All lanes make the same calls. In the last call
/// `guarded` is std::true_type, and rows past `last` are to be ignored.
template <int kLanes, int kAtOnce, class Step>
__device__ __forceinline__ void for_rows(int begin, int last, Step step) {
  constexpr int kRows = 32 / kLanes * kAtOnce;
  const int whole = (last + 1 - begin) / kRows;
  int first = begin + static_cast<int>(threadIdx.x % 32) / kLanes;
#pragma unroll 1
  for (int i = 0; i < whole; ++i, first += kRows) step(first, std::false_type{});
  if (begin + whole * kRows <= last) step(first, std::true_type{});
}

/// Calls launch(std::integral_constant<int, kHead>) with the narrower of two heads that holds d.
template <class Launch>
void with_lane_width(int d, Launch launch) {
  if (d <= 64) return launch(std::integral_constant<int, 64>{});
  launch(std::integral_constant<int, 128>{});
}

/// Calls launch(std::bool_constant<...>) with the answer as a constant.
template <class Launch>
void with_constant(bool answer, Launch launch) {
  if (answer) return launch(std::true_type{});
  launch(std::false_type{});
}

}  // namespace wb::flash
