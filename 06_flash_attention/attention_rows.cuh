// A row of a head against the registers of one thread: load it, store it, multiply with it, add it.
#pragma once

#include "06_flash_attention/attention_heads.cuh"

namespace wb::flash {

/// kHead features in registers; those past d are 0.
template <int kHead>
struct Row {
  float4 x[kHead / 4] = {};
};

/// A head in global memory whose rows are read four features at a time where they lie side by side, and one
/// by one where they do not.
struct RowReader {
  HeadMatrix<const float> head;  // (T, D)
  int d;
  bool float4s;

  __device__ RowReader(const HeadMatrix<const float>& head, int d)
      : head(head), d(d), float4s(head.is_made_of_packs(d)) {}

  /// Calls use(c / 4, features c .. c + 3 of row t) for c = 0, 4, ...
  template <int kHead, class Use>
  __device__ __forceinline__ void for_each_float4(int t, Use use) const {
    const float* row = head.data + t * head.stride_t;
    // A head that fills its registers needs no comparison per feature: a compiler for CPUs then uses vectors.
    if (d == kHead) {
      for_each_float4_of<kHead, true>(row, use);
    } else {
      for_each_float4_of<kHead, false>(row, use);
    }
  }

  template <int kHead>
  __device__ __forceinline__ Row<kHead> load(int t) const {
    Row<kHead> row;
    for_each_float4<kHead>(t, [&](int i, float4 x) { row.x[i] = x; });
    return row;
  }

  /// a . row t. Four partial sums, so that an addition need not wait for the one before.
  template <int kHead>
  __device__ __forceinline__ float dot(const Row<kHead>& a, int t) const {
    float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    for_each_float4<kHead>(t, [&](int i, float4 x) {
      sum.x += a.x[i].x * x.x;
      sum.y += a.x[i].y * x.y;
      sum.z += a.x[i].z * x.z;
      sum.w += a.x[i].w * x.w;
    });
    return (sum.x + sum.y) + (sum.z + sum.w);
  }

  /// sum += factor * row t
  template <int kHead>
  __device__ __forceinline__ void add_to(Row<kHead>& sum, float factor, int t) const {
    for_each_float4<kHead>(t, [&](int i, float4 x) {
      sum.x[i].x += factor * x.x;
      sum.x[i].y += factor * x.y;
      sum.x[i].z += factor * x.z;
      sum.x[i].w += factor * x.w;
    });
  }

 private:
  template <int kHead, bool kFull, class Use>
  __device__ __forceinline__ void for_each_float4_of(const float* row, Use use) const {
    if (float4s) {
#pragma unroll
      for (int c = 0; c < kHead; c += 4) {
        if (kFull || c < d) use(c / 4, *reinterpret_cast<const float4*>(row + c));
      }
    } else {
#pragma unroll
      for (int c = 0; c < kHead; c += 4) {
        float4 x = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        if (kFull || c < d) x.x = row[0];
        if (kFull || c + 1 < d) x.y = row[head.stride_d];
        if (kFull || c + 2 < d) x.z = row[2 * head.stride_d];
        if (kFull || c + 3 < d) x.w = row[3 * head.stride_d];
        row += 4 * head.stride_d;
        use(c / 4, x);
      }
    }
  }
};

template <int kHead>
__device__ __forceinline__ void scale_row(Row<kHead>& row, float factor) {
#pragma unroll
  for (int i = 0; i < kHead / 4; ++i) {
    row.x[i].x *= factor;
    row.x[i].y *= factor;
    row.x[i].z *= factor;
    row.x[i].w *= factor;
  }
}

/// Writes factor * row to row t of `target`.
template <int kHead>
__device__ __forceinline__ void store_row(const HeadMatrix<float>& target, const Row<kHead>& row,
                                          float factor, int t, int d) {
#pragma unroll
  for (int c = 0; c < kHead; c += 4) {
    if (c < d) target.at(t, c) = factor * row.x[c / 4].x;
    if (c + 1 < d) target.at(t, c + 1) = factor * row.x[c / 4].y;
    if (c + 2 < d) target.at(t, c + 2) = factor * row.x[c / 4].z;
    if (c + 3 < d) target.at(t, c + 3) = factor * row.x[c / 4].w;
  }
}

}  // namespace wb::flash
