// What every flash attention kernel of this chapter does with tiles in shared memory: load a tile, compute
// dot products between the rows of two tiles, add a weighted sum of the rows of a tile, combine the values of
// a row.
//
// A block is 128 threads, 16 groups of 8. A group owns kRows rows of the score tile (g, g + 16, ...), each of
// its 8 lanes owns 4 of the tile's 32 columns (lane, lane + 8, ...) and kHead / 8 features of the result. So
// 8 neighboring lanes of one warp own a row, and can exchange values without a barrier of the block.
//
// Every value read from shared memory is used kRows or 4 times from registers. The padding puts the 8 rows
// that the lanes read at once into different banks.
#pragma once

#include <cuda_runtime.h>

#include <type_traits>

#include "06_flash_attention/attention_heads.cuh"
#include "common/core/bf16.h"
#include "common/core/error.h"
#include "common/core/pack.h"
#include "common/core/shared_memory.h"

namespace wb::flash {

inline constexpr int kLanes = 8;
inline constexpr int kGroups = 16;
inline constexpr int kThreads = kLanes * kGroups;
inline constexpr int kColumns = 4;                    // columns of a score tile that a thread owns
inline constexpr int kTile = kLanes * kColumns;       // columns of a score tile: 32
inline constexpr int kWeightStride = kTile + kLanes;  // a row of weights (kTile), padded
template <int kHead>
inline constexpr int kHeadStride = kHead + 4;  // a row of a head (kHead), padded
template <int kHead>
inline constexpr int kPairs = kHead / (2 * kLanes);  // float2 of a head's row that a thread owns

/// Floats of a tile of `rows` rows of a head, and of a tile of weights.
template <int kHead>
__host__ __device__ constexpr int head_floats(int rows) {
  return rows * kHeadStride<kHead>;
}
__host__ __device__ constexpr int weight_floats(int rows) {
  return rows * kWeightStride;
}

/// Copies rows first .. first + kRows - 1 of `source` into `tile`, as floats; rows past t and features past d
/// become 0. Consecutive threads take consecutive features: one transaction a row when stride_d is 1, one an
/// element if not.
template <int kRows, int kHead, class T>
__device__ void load_tile(float* tile,  // (kRows, kHeadStride)
                          const HeadMatrix<const T>& source, int first, int t, int d) {
  if (source.is_made_of_packs(d)) {
    constexpr int kPack = HeadMatrix<const T>::kPack;
    constexpr int kPacks = kHead / kPack;
    for (int i = threadIdx.x; i < kRows * kPacks; i += kThreads) {
      const int row = i / kPacks;
      const int c = i % kPacks * kPack;
      Pack<kPack, T> pack = {};
      if (first + row < t && c < d) {
        pack = *reinterpret_cast<const Pack<kPack, T>*>(&source.at(first + row, c));
      }
#pragma unroll
      for (int j = 0; j < kPack; j += 4) {
        *reinterpret_cast<float4*>(tile + row * kHeadStride<kHead> + c + j) =
            make_float4(to_float(pack.values[j]), to_float(pack.values[j + 1]), to_float(pack.values[j + 2]),
                        to_float(pack.values[j + 3]));
      }
    }
  } else {
    for (int i = threadIdx.x; i < kRows * kHead; i += kThreads) {
      const int row = i / kHead;
      const int c = i % kHead;
      const bool inside = first + row < t && c < d;
      tile[row * kHeadStride<kHead> + c] = inside ? to_float(source.at(first + row, c)) : 0.0f;
    }
  }
}

/// dots[i][j] = rows[group + 16 i] . columns[lane + 8 j], over the whole padded head.
template <int kRows, int kHead>
__device__ __forceinline__ void tile_dots(const float* rows,     // (16 kRows, kHeadStride)
                                          const float* columns,  // (kTile, kHeadStride)
                                          float (&dots)[kRows][kColumns]) {
  const float* row = rows + threadIdx.x / kLanes * kHeadStride<kHead>;
  const float* column = columns + threadIdx.x % kLanes * kHeadStride<kHead>;
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) dots[i][j] = 0.0f;
  }
#pragma unroll 4
  for (int c = 0; c < kHead; c += 4) {
    float4 a[kRows];
    float4 b[kColumns];
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      a[i] = *reinterpret_cast<const float4*>(row + i * kGroups * kHeadStride<kHead> + c);
    }
#pragma unroll
    for (int j = 0; j < kColumns; ++j) {
      b[j] = *reinterpret_cast<const float4*>(column + j * kLanes * kHeadStride<kHead> + c);
    }
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        dots[i][j] += a[i].x * b[j].x;
        dots[i][j] += a[i].y * b[j].y;
        dots[i][j] += a[i].z * b[j].z;
        dots[i][j] += a[i].w * b[j].w;
      }
    }
  }
}

/// sums[i] += sum over the 32 rows n of weights[group + 16 i][n] * tile[n], for this lane's features.
template <int kRows, int kHead>
__device__ __forceinline__ void add_weighted_rows(const float* weights,  // (16 kRows, kWeightStride)
                                                  const float* tile,     // (kTile, kHeadStride)
                                                  float2 (&sums)[kRows][kPairs<kHead>]) {
  const float* row = weights + threadIdx.x / kLanes * kWeightStride;
  const float* feature = tile + threadIdx.x % kLanes * 2;
#pragma unroll 2
  for (int n = 0; n < kTile; n += 4) {
    float w[kRows][4];
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      *reinterpret_cast<float4*>(w[i]) =
          *reinterpret_cast<const float4*>(row + i * kGroups * kWeightStride + n);
    }
#pragma unroll
    for (int m = 0; m < 4; ++m) {
#pragma unroll
      for (int p = 0; p < kPairs<kHead>; ++p) {
        const float2 x =
            *reinterpret_cast<const float2*>(feature + (n + m) * kHeadStride<kHead> + p * 2 * kLanes);
#pragma unroll
        for (int i = 0; i < kRows; ++i) {
          sums[i][p].x += w[i][m] * x.x;
          sums[i][p].y += w[i][m] * x.y;
        }
      }
    }
  }
}

/// Writes factor * sums to row t of `target`, this lane's features below d.
template <int kHead, class T>
__device__ void store_row(const HeadMatrix<T>& target, const float2 (&sums)[kPairs<kHead>], float factor,
                          int t, int d) {
#pragma unroll
  for (int p = 0; p < kPairs<kHead>; ++p) {
    const int c = (threadIdx.x % kLanes + p * kLanes) * 2;
    if (c < d) target.at(t, c) = from_float<T>(factor * sums[p].x);
    if (c + 1 < d) target.at(t, c + 1) = from_float<T>(factor * sums[p].y);
  }
}

/// Whether query t may look at key s.
__device__ inline bool is_visible(int query, int key, int t, bool causal) {
  return query < t && key < t && (!causal || key <= query);
}

/// Replaces values[i] by combine(...) of what the 8 lanes of the row hold. The lanes meet in the padding of
/// the row's weights: one __syncwarp for all rows, where shuffles would take three a row. Before the next
/// call, or before another thread writes there, the caller synchronizes.
template <int kRows, class Combine>
__device__ __forceinline__ void combine_lanes(float (&values)[kRows],
                                              float* weights,  // (16 kRows, kWeightStride)
                                              Combine combine) {
  float* slots = weights + threadIdx.x / kLanes * kWeightStride + kTile;
#pragma unroll
  for (int i = 0; i < kRows; ++i) slots[i * kGroups * kWeightStride + threadIdx.x % kLanes] = values[i];
  __syncwarp();
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const float4* row = reinterpret_cast<const float4*>(slots + i * kGroups * kWeightStride);
    const float4 x = row[0];
    const float4 y = row[1];
    values[i] =
        combine(combine(combine(x.x, x.y), combine(x.z, x.w)), combine(combine(y.x, y.y), combine(y.z, y.w)));
  }
}

/// Throws wb::Error where a block may not have `bytes` of dynamic shared memory.
inline void require_shared_memory(int bytes) {
  const int available = shared_memory_per_block();
  if (bytes > available) {
    throw Error("attention's tiles need " + to_text(bytes) +
                " bytes of shared memory, this GPU gives a block " + to_text(available) +
                ": narrower heads need less, thread_per_query none");
  }
}

/// Calls launch(std::integral_constant<int, rows>) with the most rows a group, of kRows, kRows / 2, ...,
/// whose kBytes(rows) this GPU gives a block. Throws wb::Error where it gives none that much. Fewer rows than
/// fit every GPU are not compiled. A starter under the inspector (WB_FEW_KERNELS) has just the rows that fit
/// every GPU.
template <auto kBytes, int kRows, class Launch>
void with_rows_that_fit(Launch launch) {
  constexpr int kNeeded = kBytes(kRows);
#ifdef WB_FEW_KERNELS
  if constexpr (kRows > 1 && kNeeded > kLeastSharedMemory) {
    with_rows_that_fit<kBytes, kRows / 2>(launch);
  } else
#else
  if constexpr (kRows > 1 && kNeeded > kLeastSharedMemory) {
    if (kNeeded > shared_memory_per_block()) return with_rows_that_fit<kBytes, kRows / 2>(launch);
  }
#endif
  {
    require_shared_memory(kNeeded);
    launch(std::integral_constant<int, kRows>{});
  }
}

/// Lets `kernel` use `bytes` of dynamic shared memory; more than 48 KiB has to be asked for. Throws wb::Error
/// where a block may not have them.
template <class Kernel>
void allow_shared_memory(Kernel* kernel, int bytes) {
  require_shared_memory(bytes);
  if (bytes > 48 * 1024) {
    WB_CUDA_CHECK(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                       cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  }
}

}  // namespace wb::flash
