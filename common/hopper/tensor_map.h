// Tensor maps: how TMA finds a matrix in global memory and cuts tiles from it.
#pragma once

#include <cuda.h>
#include <cuda_bf16.h>

#include <cstdint>

#include "common/core/check.h"

namespace wb::hopper {

/// Whether TMA can address a row-major matrix of `columns` elements per row: 16-byte rows at a 16-byte
/// address.
inline bool can_map(const void* data, std::int64_t columns, std::size_t element_bytes) {
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 &&
         columns * static_cast<std::int64_t>(element_bytes) % 16 == 0;
}

/// Tiles (tile_rows, tile_columns) of a row-major bf16 matrix (rows, columns), swizzled by 128 bytes:
/// tile_columns is at most 64, tile_rows at most 256. Throws wb::Error if the driver refuses.
CUtensorMap map_matrix(const __nv_bfloat16* data, int rows, int columns, int tile_rows, int tile_columns);

/// A tensor of heads (B, T, H, D) whose features are contiguous; strides in elements.
struct MappedHeads {
  const __nv_bfloat16* data;
  int b, t, heads, d;
  std::int64_t stride_b, stride_t, stride_h;
};

/// Tiles of `tile_rows` tokens and 64 features of one head, swizzled by 128 bytes. Tokens from T on and
/// features from D on arrive as 0 and are not written. The data and all strides must be multiples of 16
/// bytes. Throws wb::Error where the driver refuses.
CUtensorMap map_heads(const MappedHeads& view, int tile_rows);

}  // namespace wb::hopper
