// Your turn: the prefix sum of an array. scan.md is the lesson; hints.md has hints.
//
// Do one step at a time, and check after each:
//
//     ./workbook check 03 scan
//
// A block of 256 threads scans a tile of 256 elements. TODOs 1 and 2 scan one tile, TODOs 3 and 4 several in
// three launches, and TODO 5 does all in a single pass.
#include <cuda/atomic>

#include "03_softmax/scan_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kWarp = 32;
constexpr int kThreads = 256;  // of a block, and the elements of a tile
constexpr unsigned kAllLanes = 0xffffffffu;

// Lane l gets the sum of the values of lanes 0 to l of its warp.
[[maybe_unused]] __device__ int warp_scan(int value) {
  // TODO 1: Five steps, distance 1, 2, 4, 8, 16. In each, __shfl_up_sync(kAllLanes, value, distance) gives
  //         the value of lane - distance. Which lanes may add it?
  return value;
}

// Thread t gets the sum of the values of threads 0 to t of its block.
[[maybe_unused]] __device__ int block_scan(int value) {
  value = warp_scan(value);
  // TODO 2: Let the last lane of each warp store the sum of its warp into a __shared__ array, wait, and add
  //         the sums of all warps before this one. Wait once more before the array is used again.
  return value;
}

__global__ void scan_tiles_kernel(const int* x,  // (n)
                                  int* out,      // (n)
                                  int* sums,     // (tiles)
                                  std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  // TODO 1: Scan the block's elements with block_scan, and store the result of element i. Threads past the
  //         end have no element, but shuffles and barriers need them. What do they contribute?

  // TODO 3: Store the sum of the tile in sums. Which thread has it?
}

// One block: replaces the sums of the tiles by their prefix sums.
__global__ void scan_sums_kernel(int* sums,  // (tiles)
                                 std::int64_t tiles) {
  // TODO 3: Scan up to 256 sums with block_scan.

  // TODO 4: There may be more. Take 256 at a time, and carry the sum of all before from one round
  //         to the next.
}

__global__ void add_kernel(int* out,         // (n)
                           const int* sums,  // (tiles): prefix sums
                           std::int64_t n) {
  // TODO 3: Add the sum of all tiles before this one. Nothing comes before the first tile.
}

// What is published of a tile, in tiles.state (ScanScratch in scan_check.h).
enum : int { kNothing, kSum, kPrefix };

[[maybe_unused]] __global__ void scan_once_kernel(const int* x,  // (n)
                                                  int* out,      // (n)
                                                  ScanScratch tiles, std::int64_t n) {
  // TODO 5: Take a ticket, which is the number of this block's tile, and scan the tile. One thread stores the
  //         sum, then the state kSum (release). It looks at the tiles before, nearest first: it waits until
  //         their state is not kNothing (acquire), and adds their sums up to the first that has a prefix.
  //         Then it stores the prefix of its own tile, then the state kPrefix (release). All threads add what
  //         comes before the tile.
}

void scan_starter(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  check_scan(x, out, scratch, n);
  if (n == 0) return;
  const std::int64_t tiles = (n - 1) / kThreads + 1;
  const auto blocks = static_cast<unsigned>(tiles);

  // TODO 5: Launch scan_once_kernel in place of the three others, with divide_scan_scratch(scratch, tiles).
  //         Before it, set the ticket and the states to 0: cudaMemsetAsync, in `stream`.
  int* const sums = scratch;
  scan_tiles_kernel<<<blocks, kThreads, 0, stream>>>(x, out, sums, n);
  WB_CHECK_LAUNCH();

  // TODO 3: Launch scan_sums_kernel with one block, then add_kernel.
}

WB_REGISTER(Scan, starter, scan_starter);

}  // namespace
}  // namespace wb
