// One head of one sequence as a matrix, for the kernels of this chapter; and the head widths that they
// support.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "05_rmsnorm_rope/heads_view.h"

namespace wb::flash {

/// One head of one sequence: element (t, d) is data[t * stride_t + d * stride_d].
template <class T>
struct HeadMatrix {
  T* data;  // (T, D)
  std::int64_t stride_t;
  std::int64_t stride_d;

  __device__ T& at(int t, int d) const { return data[t * stride_t + d * stride_d]; }

  /// Features that one load of 16 bytes brings: 4 of float, 8 of bf16.
  static constexpr int kPack = 16 / static_cast<int>(sizeof(T));

  /// Whether each row of d features can be read 16 bytes at a time.
  __device__ bool is_made_of_packs(int d) const {
    return stride_d == 1 && stride_t % kPack == 0 && d % kPack == 0 &&
           reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
  }
};

template <class T>
__device__ HeadMatrix<T> head_matrix(const HeadsView<T>& view, int b, int h) {
  return {view.data + b * view.stride_b + h * view.stride_h, view.stride_t, view.stride_d};
}

/// Calls launch(std::integral_constant<int, kHead>) with the narrowest head of a compiled kernel that holds
/// d. A starter under the inspector (WB_FEW_KERNELS) has just the narrowest and the widest kernel: a
/// student waits while the others would be compiled.
template <class Launch>
void with_head_width(int d, Launch launch) {
  if (d <= 16) return launch(std::integral_constant<int, 16>{});
#ifndef WB_FEW_KERNELS
  if (d <= 32) return launch(std::integral_constant<int, 32>{});
  if (d <= 64) return launch(std::integral_constant<int, 64>{});
  if (d <= 80) return launch(std::integral_constant<int, 80>{});
#endif
  launch(std::integral_constant<int, 128>{});
}

}  // namespace wb::flash
