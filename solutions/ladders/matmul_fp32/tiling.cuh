// How a block, its warps and their threads share a tile of C, and what a thread does with its part.
#pragma once

#include <cstdint>

namespace wb::ladder {

/// A block owns (kTileM, kTileN) of C, a warp (kWarpM, kWarpN) of that, a thread (kRows, kColumns) of that. A
/// thread's part is made of (4, 4) squares that are spread over the tile of the warp: its lanes read shared
/// memory in runs of 16 bytes beside each other, which meets no bank conflict.
template <int kTileMOf, int kTileNOf, int kDepthOf, int kWarpMOf, int kWarpNOf, int kRowsOf, int kColumnsOf>
struct Tiling {
  static constexpr int kTileM = kTileMOf, kTileN = kTileNOf;
  static constexpr int kDepth = kDepthOf;  // how much of K a step covers
  static constexpr int kWarpM = kWarpMOf, kWarpN = kWarpNOf;
  static constexpr int kRows = kRowsOf, kColumns = kColumnsOf;
  static constexpr int kLanesDown = kWarpM / kRows, kLanesAcross = kWarpN / kColumns;
  static_assert(kLanesDown * kLanesAcross == 32);
  static constexpr int kWarpsAcross = kTileN / kWarpN;
  static constexpr int kThreads = 32 * (kTileM / kWarpM) * kWarpsAcross;
  // Padded by 16 bytes: copies that transpose meet no bank conflict either.
  static constexpr int kStrideA = kTileM + 4, kStrideB = kTileN + 4;
};

/// What a thread multiplies in one step of depth, and its sums.
template <class T>
struct Fragment {
  float a[T::kRows];
  float b[T::kColumns];
};

/// Row `i` of a thread's outputs within the tile of the block: runs of 4, kLanesDown runs apart.
template <class T>
__device__ int row_in_tile(int i) {
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  return warp / T::kWarpsAcross * T::kWarpM + lane / T::kLanesAcross * 4 + i / 4 * (4 * T::kLanesDown) +
         i % 4;
}

/// Column `j` of a thread's outputs within the tile of the block.
template <class T>
__device__ int column_in_tile(int j) {
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  return warp % T::kWarpsAcross * T::kWarpN + lane % T::kLanesAcross * 4 + j / 4 * (4 * T::kLanesAcross) +
         j % 4;
}

/// Reads what a thread needs of one step of depth, in accesses of 16 bytes.
template <class T>
__device__ void read_fragment(Fragment<T>& fragment,
                              const float* a,  // (kTileM), a row of A's tile
                              const float* b,  // (kTileN), a row of B's tile
                              int row, int column) {
#pragma unroll
  for (int i = 0; i < T::kRows; i += 4) {
    const float4 four = *reinterpret_cast<const float4*>(a + row + i * T::kLanesDown);
    fragment.a[i + 0] = four.x;
    fragment.a[i + 1] = four.y;
    fragment.a[i + 2] = four.z;
    fragment.a[i + 3] = four.w;
  }
#pragma unroll
  for (int j = 0; j < T::kColumns; j += 4) {
    const float4 four = *reinterpret_cast<const float4*>(b + column + j * T::kLanesAcross);
    fragment.b[j + 0] = four.x;
    fragment.b[j + 1] = four.y;
    fragment.b[j + 2] = four.z;
    fragment.b[j + 3] = four.w;
  }
}

/// sums += the outer product of the fragment's column of A and row of B.
template <class T>
__device__ void multiply(const Fragment<T>& fragment, float (&sums)[T::kRows][T::kColumns]) {
#pragma unroll
  for (int i = 0; i < T::kRows; ++i) {
#pragma unroll
    for (int j = 0; j < T::kColumns; ++j) sums[i][j] += fragment.a[i] * fragment.b[j];
  }
}

/// Writes a thread's outputs. `vectors`: c is aligned to 16 bytes and n is a multiple of 4.
template <class T>
__device__ void store_tile(float* c,  // (M, N)
                           int m, int n, int tile_row, int tile_column, bool vectors,
                           const float (&sums)[T::kRows][T::kColumns], float alpha, float beta) {
#pragma unroll
  for (int i = 0; i < T::kRows; ++i) {
    const int row = tile_row + row_in_tile<T>(i);
    if (row >= m) continue;
#pragma unroll
    for (int j = 0; j < T::kColumns; j += 4) {
      const int column = tile_column + column_in_tile<T>(j);
      if (column >= n) continue;
      float* target = c + static_cast<std::int64_t>(row) * n + column;
      if (vectors) {
        float4 value = make_float4(alpha * sums[i][j], alpha * sums[i][j + 1], alpha * sums[i][j + 2],
                                   alpha * sums[i][j + 3]);
        // c may hold NaN when beta is 0: do not even read it.
        if (beta != 0.0f) {
          const float4 old = *reinterpret_cast<const float4*>(target);
          value.x += beta * old.x;
          value.y += beta * old.y;
          value.z += beta * old.z;
          value.w += beta * old.w;
        }
        *reinterpret_cast<float4*>(target) = value;
      } else {
#pragma unroll
        for (int of = 0; of < 4; ++of) {
          if (column + of >= n) continue;
          const float product = alpha * sums[i][j + of];
          target[of] = beta == 0.0f ? product : product + beta * target[of];
        }
      }
    }
  }
}

}  // namespace wb::ladder
