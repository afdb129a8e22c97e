// A row of a head against the registers of one thread: load it, store it, multiply with it, add it.
//
// Each sum has four scalar parts, and the loops are simple, so GCC makes vector code of them for the CPU
// device if rows are contiguous. A head that fills its registers (d == kHead) needs no comparison per
// feature; this, too, is a condition for vector code.
#pragma once

#include "06_flash_attention/attention_heads.cuh"
#include "common/core/bf16.h"
#include "common/core/pack.h"

namespace wb::flash {

/// kHead features in registers; those past d are 0.
template <int kHead>
struct Row {
  alignas(16) float x[kHead] = {};
};

/// Four neighbors in one load; the address is a multiple of their size.
__device__ __forceinline__ float4 load4(const float* from) {
  return *reinterpret_cast<const float4*>(from);
}
__device__ __forceinline__ float4 load4(const bf16* from) {
  const auto four = *reinterpret_cast<const Pack<4, bf16>*>(from);
  return make_float4(to_float(four.values[0]), to_float(four.values[1]), to_float(four.values[2]),
                     to_float(four.values[3]));
}

/// A head in global memory whose rows are read four features at a time where they lie side by side, and one
/// by one where they do not. T, float or bf16, is what memory holds.
template <class T>
struct RowReader {
  HeadMatrix<const T> head;  // (T, D)
  int d;
  bool float4s;

  __device__ RowReader(const HeadMatrix<const T>& head, int d)
      : head(head), d(d), float4s(head.is_made_of_packs(d)) {}

  template <int kHead>
  __device__ __forceinline__ Row<kHead> load(int t) const {
    Row<kHead> row;
    add_to(row, 1.0f, t);
    return row;
  }

  /// a . row t. Four partial sums, so that an addition need not wait for the one before.
  template <int kHead>
  __device__ __forceinline__ float dot(const Row<kHead>& a, int t) const {
    return d == kHead ? dot_of<kHead, true>(a, t) : dot_of<kHead, false>(a, t);
  }

  /// row t of this head . row `other_t` of the other, both read from memory.
  template <int kHead>
  __device__ __forceinline__ float dot(int t, const RowReader& other, int other_t) const {
    return d == kHead ? dot_of<kHead, true>(t, other, other_t) : dot_of<kHead, false>(t, other, other_t);
  }

  /// sum += factor * row t
  template <int kHead>
  __device__ __forceinline__ void add_to(Row<kHead>& sum, float factor, int t) const {
    if (d == kHead) {
      add_of<kHead, true>(sum, factor, t);
    } else {
      add_of<kHead, false>(sum, factor, t);
    }
  }

 private:
  template <int kHead, bool kFull>
  __device__ __forceinline__ float dot_of(const Row<kHead>& a, int t) const {
    const T* row = head.data + t * head.stride_t;
    float x = 0.0f, y = 0.0f, z = 0.0f, w = 0.0f;
    if (float4s) {
#pragma unroll
      for (int c = 0; c < kHead; c += 4) {
        if (!kFull && c >= d) continue;
        const float4 four = load4(row + c);
        x += a.x[c] * four.x;
        y += a.x[c + 1] * four.y;
        z += a.x[c + 2] * four.z;
        w += a.x[c + 3] * four.w;
      }
    } else {
#pragma unroll
      for (int c = 0; c < kHead; c += 4) {
        if (kFull || c < d) x += a.x[c] * to_float(row[0]);
        if (kFull || c + 1 < d) y += a.x[c + 1] * to_float(row[head.stride_d]);
        if (kFull || c + 2 < d) z += a.x[c + 2] * to_float(row[2 * head.stride_d]);
        if (kFull || c + 3 < d) w += a.x[c + 3] * to_float(row[3 * head.stride_d]);
        row += 4 * head.stride_d;
      }
    }
    return (x + y) + (z + w);
  }

  template <int kHead, bool kFull>
  __device__ __forceinline__ float dot_of(int t, const RowReader& other, int other_t) const {
    const T* a = head.data + t * head.stride_t;
    const T* b = other.head.data + other_t * other.head.stride_t;
    float x = 0.0f, y = 0.0f, z = 0.0f, w = 0.0f;
    if (float4s && other.float4s) {
#pragma unroll
      for (int c = 0; c < kHead; c += 4) {
        if (!kFull && c >= d) continue;
        const float4 four = load4(a + c);
        const float4 other_four = load4(b + c);
        x += four.x * other_four.x;
        y += four.y * other_four.y;
        z += four.z * other_four.z;
        w += four.w * other_four.w;
      }
    } else {
#pragma unroll
      for (int c = 0; c < kHead; c += 4) {
        if (kFull || c < d) x += to_float(a[0]) * to_float(b[0]);
        if (kFull || c + 1 < d) y += to_float(a[head.stride_d]) * to_float(b[other.head.stride_d]);
        if (kFull || c + 2 < d) z += to_float(a[2 * head.stride_d]) * to_float(b[2 * other.head.stride_d]);
        if (kFull || c + 3 < d) w += to_float(a[3 * head.stride_d]) * to_float(b[3 * other.head.stride_d]);
        a += 4 * head.stride_d;
        b += 4 * other.head.stride_d;
      }
    }
    return (x + y) + (z + w);
  }

  template <int kHead, bool kFull>
  __device__ __forceinline__ void add_of(Row<kHead>& sum, float factor, int t) const {
    const T* row = head.data + t * head.stride_t;
    if (float4s) {
#pragma unroll
      for (int c = 0; c < kHead; c += 4) {
        if (!kFull && c >= d) continue;
        const float4 four = load4(row + c);
        sum.x[c] += factor * four.x;
        sum.x[c + 1] += factor * four.y;
        sum.x[c + 2] += factor * four.z;
        sum.x[c + 3] += factor * four.w;
      }
    } else {
#pragma unroll
      for (int c = 0; c < kHead; c += 4) {
        if (kFull || c < d) sum.x[c] += factor * to_float(row[0]);
        if (kFull || c + 1 < d) sum.x[c + 1] += factor * to_float(row[head.stride_d]);
        if (kFull || c + 2 < d) sum.x[c + 2] += factor * to_float(row[2 * head.stride_d]);
        if (kFull || c + 3 < d) sum.x[c + 3] += factor * to_float(row[3 * head.stride_d]);
        row += 4 * head.stride_d;
      }
    }
  }
};

template <int kHead>
__device__ __forceinline__ void scale_row(Row<kHead>& row, float factor) {
#pragma unroll
  for (int c = 0; c < kHead; ++c) row.x[c] *= factor;
}

/// Writes factor * row to row t of `target`.
template <int kHead, class T>
__device__ __forceinline__ void store_row(const HeadMatrix<T>& target, const Row<kHead>& row, float factor,
                                          int t, int d) {
#pragma unroll
  for (int c = 0; c < kHead; ++c) {
    if (c < d) target.at(t, c) = from_float<T>(factor * row.x[c]);
  }
}

}  // namespace wb::flash
