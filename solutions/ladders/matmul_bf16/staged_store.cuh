// Results by way of shared memory: stmatrix there, TMA to C.
//
// From registers, a warp writes 16 bytes of each of eight rows at a time, half a sector; TMA writes whole
// rows of 128 bytes, and the threads go on with the next tile meanwhile.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>
#include <type_traits>

#include "common/hopper/tensor_map.h"
#include "common/hopper/tma.cuh"
#include "common/hopper/wgmma.cuh"
#include "solutions/ladders/matmul_bf16/swizzled_tile.cuh"

namespace wb {

/// Two buffers of (64, 64) bf16 for each warpgroup.
constexpr int kStagingBytesPerWarpgroup = 2 * kChunkElements * static_cast<int>(sizeof(bf16));

/// Whether C may go this way: bf16, nothing to add to, rows that TMA can write.
template <class Out>
bool can_store_by_tma(const Out* c, int n, float beta) {
  return std::is_same_v<Out, bf16> && beta == 0.0f && hopper::can_map(c, n, sizeof(Out));
}

/// C in tiles of (64, 64); an empty map where it does not go this way.
template <class Out>
CUtensorMap map_result(Out* c, int m, int n, bool store_by_tma) {
  if constexpr (std::is_same_v<Out, bf16>) {
    if (store_by_tma) return hopper::map_matrix(c, m, n, 64, kTileColumns);
  }
  return {};
}

/// By warpgroup `consumer`, all 128 threads: alpha d, (64, kTileN), to C at (row, column). `staging`: its two
/// buffers, taken in turn; `stored`: how many slices of 64 columns it has stored before, odd or even.
template <int kTileN>
__device__ void store_staged(const CUtensorMap* map, bf16* staging, const float (&d)[kTileN / 2], float alpha,
                             int row, int column, int consumer, int stored) {
  const int thread = static_cast<int>(threadIdx.x) % 128;
  const int lane = thread % 32;
  const int staged_row = thread / 32 * 16 + lane % 16;
#pragma unroll
  for (int slice = 0; slice < kTileN / 64; ++slice) {
    bf16* buffer = staging + (stored + slice) % 2 * kChunkElements;
    // The store from this buffer two slices ago must have been read.
    if (thread == 0) hopper::wait_for_stores<1>();
    hopper::sync_warpgroup(1 + consumer);
#pragma unroll
    for (int part = 0; part < 4; ++part) {  // 16 columns
      const float* values = d + slice * 32 + part * 8;
      std::uint32_t pairs[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const __nv_bfloat162 pair = __floats2bfloat162_rn(alpha * values[2 * i], alpha * values[2 * i + 1]);
        pairs[i] = *reinterpret_cast<const std::uint32_t*>(&pair);
      }
      hopper::store_matrices(buffer + swizzled(staged_row, part * 16 + lane / 16 * 8), pairs[0], pairs[1],
                             pairs[2], pairs[3]);
    }
    hopper::publish_shared_writes();
    hopper::sync_warpgroup(1 + consumer);
    if (thread == 0) hopper::store_tile(map, buffer, column + slice * 64, row);
  }
}

}  // namespace wb
