// The scan of a tile of 4096 elements by a block: lanes, then warps.
//
// Each of 8 warps owns 512 neighboring elements and takes them in four rows of 128. A lane loads 4 of a row
// at once, adds them up, and five shuffles scan the sums of the lanes. The next row begins with what the rows
// before it add up to. So a warp scans its 512 elements without a barrier. Then one warp scans the sums of
// all warps, and each thread adds what comes before its warp, and what comes before the tile.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "common/core/pack.h"

namespace wb {

inline constexpr int kScanThreads = 256;
inline constexpr int kScanWarps = kScanThreads / kWarp;
inline constexpr int kScanRows = 4;   // of a warp
inline constexpr int kScanWidth = 4;  // elements of a lane in a row: 16 bytes
inline constexpr int kScanRow = kWarp * kScanWidth;
inline constexpr int kScanTile = kScanWarps * kScanRows * kScanRow;

/// Lane l gets the sum of the values of lanes 0 to l.
__device__ inline int warp_scan(int value) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int distance = 1; distance < kWarp; distance *= 2) {
    const int lower = __shfl_up_sync(kAllLanes, value, distance);
    if (lane >= distance) value += lower;
  }
  return value;
}

/// Scans elements first .. first + kScanTile - 1 of x (n) into out (n). All lanes of warp 0 call before(sum)
/// with the sum of the tile; it returns to all of them what comes before the tile. `wide`: x and out are
/// aligned to 16 bytes. Call it from all of kScanThreads threads.
template <class Before>
__device__ void scan_tile(const int* x, int* out, std::int64_t first, std::int64_t n, bool wide,
                          Before before) {
  using Row = Pack<kScanWidth, int>;
  __shared__ int before_warp[kScanWarps];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const std::int64_t mine = first + warp * kScanRows * kScanRow + lane * kScanWidth;

  // Load all rows, so that their loads are in flight together. Elements past the end are 0.
  Row rows[kScanRows];
#pragma unroll
  for (int row = 0; row < kScanRows; ++row) {
    const std::int64_t i = mine + row * kScanRow;
    if (wide && i + kScanWidth <= n) {
      rows[row] = *reinterpret_cast<const Row*>(x + i);
    } else {
      for (int j = 0; j < kScanWidth; ++j) rows[row].values[j] = i + j < n ? x[i + j] : 0;
    }
  }

  // Scan the rows of the warp, one after the other.
  int sum = 0;  // of the rows so far
#pragma unroll
  for (int row = 0; row < kScanRows; ++row) {
    int* const values = rows[row].values;
    for (int j = 1; j < kScanWidth; ++j) values[j] += values[j - 1];
    const int own = values[kScanWidth - 1];
    const int scanned = warp_scan(own);
    for (int j = 0; j < kScanWidth; ++j) values[j] += sum + scanned - own;
    sum += __shfl_sync(kAllLanes, scanned, kWarp - 1);
  }

  // Scan the sums of the warps.
  __syncthreads();  // the call before this one may still be reading
  if (lane == 0) before_warp[warp] = sum;
  __syncthreads();
  if (warp == 0) {
    const int own = lane < kScanWarps ? before_warp[lane] : 0;
    const int scanned = warp_scan(own);
    const int before_tile = before(__shfl_sync(kAllLanes, scanned, kWarp - 1));
    if (lane < kScanWarps) before_warp[lane] = before_tile + scanned - own;
  }
  __syncthreads();

  const int start = before_warp[warp];
#pragma unroll
  for (int row = 0; row < kScanRows; ++row) {
    const std::int64_t i = mine + row * kScanRow;
    for (int j = 0; j < kScanWidth; ++j) rows[row].values[j] += start;
    if (wide && i + kScanWidth <= n) {
      *reinterpret_cast<Row*>(out + i) = rows[row];
    } else {
      for (int j = 0; j < kScanWidth && i + j < n; ++j) out[i + j] = rows[row].values[j];
    }
  }
}

/// Host side: whether both arrays allow loads and stores of 16 bytes.
inline bool scan_is_wide(const int* x, const int* out) {
  return rows_fit_pack<kScanWidth>(kScanWidth, x, out);
}

}  // namespace wb
