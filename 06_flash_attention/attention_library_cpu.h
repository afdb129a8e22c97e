// Rows of a head in the layout that OpenBLAS needs: consecutive features. For attention_library*_cpu.cu.
#pragma once

#include <vector>

#include "05_rmsnorm_rope/heads_view.h"

namespace wb::library_attention {

/// Queries that a block of threads takes at a time.
inline constexpr int kQueries = 64;

inline int ceil_div(int x, int y) {
  return (x + y - 1) / y;
}

/// Rows first .. first + rows - 1 of a head, where they lie if their features are neighbors, else copied.
struct PackedRows {
  const float* data = nullptr;  // (rows, D)
  int stride = 0;               // from row to row
  std::vector<float> copy;      // empty when nothing was copied

  PackedRows(const HeadsView<const float>& view, int b, int h, int first, int rows, int d) {
    const float* source = view.data + b * view.stride_b + h * view.stride_h + first * view.stride_t;
    if (view.stride_d == 1 && view.stride_t >= d && view.stride_t <= 0x7fffffff) {
      data = source;
      stride = static_cast<int>(view.stride_t);
      return;
    }
    copy.resize(static_cast<std::size_t>(rows) * d);
    // Along the direction that is contiguous in a feature-major view.
    for (int c = 0; c < d; ++c) {
      for (int row = 0; row < rows; ++row) {
        copy[static_cast<std::size_t>(row) * d + c] = source[row * view.stride_t + c * view.stride_d];
      }
    }
    data = copy.data();
    stride = d;
  }
  PackedRows(const PackedRows&) = delete;
  PackedRows& operator=(const PackedRows&) = delete;
};

/// Writes packed rows, (rows, D), to rows first, first + 1, ... of a head.
inline void store_rows(const std::vector<float>& packed, const HeadsView<float>& view, int b, int h,
                       int first, int rows, int d) {
  float* target = view.data + b * view.stride_b + h * view.stride_h + first * view.stride_t;
  for (int row = 0; row < rows; ++row) {
    for (int c = 0; c < d; ++c) {
      target[row * view.stride_t + c * view.stride_d] = packed[static_cast<std::size_t>(row) * d + c];
    }
  }
}

}  // namespace wb::library_attention
