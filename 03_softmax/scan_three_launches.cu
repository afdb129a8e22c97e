// Scan in three launches, the ends of which are the barriers between blocks.
//
//   scan_tiles_kernel  a block per tile of 4096: scans it by itself, and stores its sum
//   scan_sums_kernel   one block: scans the sums of the tiles, 4096 at a time
//   add_kernel         a block per tile: adds what comes before the tile
//
// 16 bytes per element: x is read, and out is written, read and written again. That is twice what a copy
// moves. Next: scan_solution.cu moves 8.
#include "03_softmax/scan_check.h"
#include "03_softmax/scan_tile.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void __launch_bounds__(kScanThreads) scan_tiles_kernel(const int* x,  // (n)
                                                                  int* out,      // (n)
                                                                  int* sums,     // (tiles)
                                                                  std::int64_t n, bool wide) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kScanTile;
  scan_tile(x, out, first, n, wide, [&](int sum) {
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
    return 0;
  });
}

__global__ void __launch_bounds__(kScanThreads) scan_sums_kernel(int* sums,  // (tiles)
                                                                 std::int64_t tiles) {
  int so_far = 0;  // in warp 0
  for (std::int64_t first = 0; first < tiles; first += kScanTile) {
    scan_tile(sums, sums, first, tiles, false, [&](int sum) {
      so_far += sum;
      return so_far - sum;
    });
  }
}

__global__ void __launch_bounds__(kScanThreads) add_kernel(int* out,         // (n)
                                                           const int* sums,  // (tiles), scanned
                                                           std::int64_t n) {
  const std::int64_t tile = static_cast<std::int64_t>(blockIdx.x) + 1;  // nothing comes before the first
  const std::int64_t first = tile * kScanTile;
  const std::int64_t end = first + kScanTile < n ? first + kScanTile : n;
  const int before = sums[tile - 1];
  for (std::int64_t i = first + threadIdx.x; i < end; i += kScanThreads) out[i] += before;
}

void scan_three_launches(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  check_scan(x, out, scratch, n);
  if (n == 0) return;
  const auto tiles = static_cast<unsigned>((n - 1) / kScanTile + 1);
  int* const sums = scratch;
  scan_tiles_kernel<<<tiles, kScanThreads, 0, stream>>>(x, out, sums, n, scan_is_wide(x, out));
  WB_CHECK_LAUNCH();
  if (tiles == 1) return;
  scan_sums_kernel<<<1, kScanThreads, 0, stream>>>(sums, tiles);
  WB_CHECK_LAUNCH();
  add_kernel<<<tiles - 1, kScanThreads, 0, stream>>>(out, sums, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Scan, three_launches, scan_three_launches);

}  // namespace
}  // namespace wb
