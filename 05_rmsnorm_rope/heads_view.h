// A (B, T, heads, D) tensor in any layout. Element (b, t, h, d) is
// data[b * stride_b + t * stride_t + h * stride_h + d * stride_d].
#pragma once

#include <cstdint>
#include <type_traits>

#include "common/core/pack.h"

namespace wb {

/// Strides are in elements. heads is the number of heads stored: H for queries; K for keys and values,
/// or H once repeat_kv has copied them. Passed to kernels by value.
template <class T>
struct HeadsView {
  T* data = nullptr;
  int heads = 0;
  std::int64_t stride_b = 0;
  std::int64_t stride_t = 0;
  std::int64_t stride_h = 0;
  std::int64_t stride_d = 0;

  /// A view that may write is also a view that may read.
  template <class U>
  requires(!std::is_const_v<T> && std::is_same_v<U, const T>) operator HeadsView<U>() const {
    return {data, heads, stride_b, stride_t, stride_h, stride_d};
  }
};

/// Whether kWidth neighboring features of any head of width d can move as one Pack: they are neighbors in
/// memory, and every head begins at a multiple of the pack's size.
template <int kWidth, class T>
bool view_fits_pack(const HeadsView<T>& view, int d) {
  const auto is_multiple = [](std::int64_t stride) { return stride % kWidth == 0; };
  return view.stride_d == 1 && is_multiple(view.stride_b) && is_multiple(view.stride_t) &&
         is_multiple(view.stride_h) && rows_fit_pack<kWidth>(d, view.data);
}

/// Token-major, as a projection X W^T leaves it: (B, T, heads, D) contiguous.
template <class T>
HeadsView<T> token_major_view(T* data, int t, int heads, int d) {
  const std::int64_t row = static_cast<std::int64_t>(heads) * d;
  return {data, heads, t * row, row, d, 1};
}

/// Head-major, as repeat_kv leaves it: (B, heads, T, D) contiguous.
template <class T>
HeadsView<T> head_major_view(T* data, int t, int heads, int d) {
  const std::int64_t head = static_cast<std::int64_t>(t) * d;
  return {data, heads, heads * head, d, head, 1};
}

/// Feature-major, as the transposed projection W X^T leaves it: (heads, D, B, T) contiguous.
/// Neighboring d lie B*T elements apart: the layout that stage 2 of the journey is slow with.
template <class T>
HeadsView<T> feature_major_view(T* data, int b, int t, int heads, int d) {
  const std::int64_t tokens = static_cast<std::int64_t>(b) * t;
  return {data, heads, t, 1, d * tokens, tokens};
}

}  // namespace wb
