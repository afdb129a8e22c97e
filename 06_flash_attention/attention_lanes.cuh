// A row of a head spread over a warp, two neighbouring features per lane: load it, store it, multiply it.
#pragma once

#include "03_softmax/block_reduce.cuh"
#include "06_flash_attention/attention_heads.cuh"

namespace wb::flash {

/// What one lane holds of a row: features 2 lane and 2 lane + 1 of each 64. Those past d are 0.
template <int kHead>
struct LaneRow {
  static constexpr int kPairs = kHead / 64;
  float2 x[kPairs] = {};
};

/// A head in global memory whose rows a warp reads, each lane its own features, alone.
struct LaneReader {
  HeadMatrix<const float> head;  // (T, D)
  int d;
  int first;  // this lane's first feature
  bool float2s;

  __device__ LaneReader(const HeadMatrix<const float>& head, int d)
      : head(head), d(d), first(2 * static_cast<int>(threadIdx.x % 32)), float2s(is_made_of_float2s()) {}

  template <int kHead>
  __device__ __forceinline__ LaneRow<kHead> load(int t) const {
    LaneRow<kHead> row;
    const float* data = head.data + t * head.stride_t;
#pragma unroll
    for (int i = 0; i < LaneRow<kHead>::kPairs; ++i) {
      const int c = first + 64 * i;
      // One load where the pair lies side by side. 32 lanes then read 256 bytes in a row: 8 sectors.
      if (float2s) {
        if (c < d) row.x[i] = *reinterpret_cast<const float2*>(data + c);
        continue;
      }
      // Two where it does not: with features far apart, each float has a sector of its own, 64 in all.
      if (c < d) row.x[i].x = data[c * head.stride_d];
      if (c + 1 < d) row.x[i].y = data[(c + 1) * head.stride_d];
    }
    return row;
  }

 private:
  __device__ bool is_made_of_float2s() const {
    return head.stride_d == 1 && head.stride_t % 2 == 0 && d % 2 == 0 &&
           reinterpret_cast<std::uintptr_t>(head.data) % sizeof(float2) == 0;
  }
};

/// a . b, the same in every lane. All 32 lanes must call it.
template <int kHead>
__device__ __forceinline__ float warp_dot(const LaneRow<kHead>& a, const LaneRow<kHead>& b) {
  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < LaneRow<kHead>::kPairs; ++i) sum += a.x[i].x * b.x[i].x + a.x[i].y * b.x[i].y;
  return warp_reduce(sum, [](float x, float y) { return x + y; });
}

/// sum += factor * row
template <int kHead>
__device__ __forceinline__ void add_to(LaneRow<kHead>& sum, float factor, const LaneRow<kHead>& row) {
#pragma unroll
  for (int i = 0; i < LaneRow<kHead>::kPairs; ++i) {
    sum.x[i].x += factor * row.x[i].x;
    sum.x[i].y += factor * row.x[i].y;
  }
}

template <int kHead>
__device__ __forceinline__ void scale(LaneRow<kHead>& row, float factor) {
#pragma unroll
  for (int i = 0; i < LaneRow<kHead>::kPairs; ++i) {
    row.x[i].x *= factor;
    row.x[i].y *= factor;
  }
}

/// Writes factor * row to row t of `target`.
template <int kHead>
__device__ __forceinline__ void store_row(const HeadMatrix<float>& target, const LaneRow<kHead>& row,
                                          float factor, int t, int d) {
#pragma unroll
  for (int i = 0; i < LaneRow<kHead>::kPairs; ++i) {
    const int c = 2 * static_cast<int>(threadIdx.x % 32) + 64 * i;
    if (c < d) target.at(t, c) = factor * row.x[i].x;
    if (c + 1 < d) target.at(t, c + 1) = factor * row.x[i].y;
  }
}

/// Calls launch(std::integral_constant<int, kHead>) with the narrower of two heads that holds d.
template <class Launch>
void with_lane_width(int d, Launch launch) {
  if (d <= 64) return launch(std::integral_constant<int, 64>{});
  launch(std::integral_constant<int, 128>{});
}

}  // namespace wb::flash
