// Scan in a single pass, with decoupled look-back (D. Merrill and M. Garland, "Single-pass parallel prefix
// scan with decoupled look-back", NVIDIA, 2016).
//
// A block takes a tile of 4096 elements, scans it (scan_tile.cuh), and needs the sum of all tiles before it.
// It publishes its own sum at once, so that others need not wait for it. Then one warp looks back: lane l
// looks at the tile that is l + 1 places before. A tile whose prefix is known ends the search; of the nearer
// ones the sums are added. So no chain of prefixes passes from block to block. The looking and waiting still
// takes time: on an H200 three launches are faster for large arrays (scan.md).
//
// Order: the numbers are plain. The state of a tile is stored with `release` after the number, and the reader
// has an acquire fence after it has seen the state. Progress: blocks take tiles in the order in which they
// start, from a counter, so that a block waits only for blocks that have started.
//
// 8 bytes per element; 16 bytes written per tile, and up to 256 read per look. Read before:
// scan_three_launches.cu.
#include <cuda/atomic>

#include "03_softmax/scan_check.h"
#include "03_softmax/scan_tile.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

enum : int { kNothing, kSum, kPrefix };  // what is published of a tile

using State = cuda::atomic_ref<int, cuda::thread_scope_device>;

__device__ void publish(int* place, int value, int& state, int what) {
  *place = value;
  State(state).store(what, cuda::memory_order_release);
}

// The sum of all tiles before `tile`, in all lanes of the calling warp.
__device__ int look_back(const ScanScratch& tiles, int tile, int sum) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  if (lane == 0 && tile > 0) publish(&tiles.sum[tile], sum, tiles.state[tile], kSum);
  int before = 0;
  bool is_found = tile == 0;
  for (int nearest = tile - 1; !is_found; nearest -= kWarp) {
    // Look at 32 tiles. In front of the first one, the prefix is known: 0.
    const int other = nearest - lane;
    int state = kPrefix, value = 0;
    if (other >= 0) {
      do state = State(tiles.state[other]).load(cuda::memory_order_relaxed);
      while (state == kNothing);
      cuda::atomic_thread_fence(cuda::memory_order_acquire, cuda::thread_scope_device);
      value = state == kPrefix ? tiles.prefix[other] : tiles.sum[other];
    }

    // Add the values up to the nearest known prefix.
    const unsigned known = __ballot_sync(kAllLanes, state == kPrefix);
    const int last = known == 0 ? kWarp - 1 : __ffs(static_cast<int>(known)) - 1;
    value = lane <= last ? value : 0;
    for (int distance = kWarp / 2; distance > 0; distance /= 2) {
      value += __shfl_xor_sync(kAllLanes, value, distance);
    }
    before += value;
    is_found = known != 0;
  }
  if (lane == 0) publish(&tiles.prefix[tile], before + sum, tiles.state[tile], kPrefix);
  return before;
}

__global__ void __launch_bounds__(kScanThreads)
    scan_once_kernel(const int* x,  // (n)
                     int* out,      // (n)
                     ScanScratch tiles, std::int64_t n, bool wide) {
  __shared__ int ticket;
  if (threadIdx.x == 0) ticket = atomicAdd(tiles.ticket, 1);
  __syncthreads();
  const int tile = ticket;
  scan_tile(x, out, static_cast<std::int64_t>(tile) * kScanTile, n, wide,
            [&](int sum) { return look_back(tiles, tile, sum); });
}

void scan_solution(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  check_scan(x, out, scratch, n);
  if (n == 0) return;
  const std::int64_t tiles = (n - 1) / kScanTile + 1;
  const ScanScratch memory = divide_scan_scratch(scratch, tiles);
  // The ticket and the states. In the stream too, or the kernel might come first.
  const std::size_t bytes = (1 + static_cast<std::size_t>(tiles)) * sizeof(int);
  WB_CUDA_CHECK(cudaMemsetAsync(memory.ticket, 0, bytes, stream));
  scan_once_kernel<<<static_cast<unsigned>(tiles), kScanThreads, 0, stream>>>(x, out, memory, n,
                                                                              scan_is_wide(x, out));
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Scan, solution, scan_solution);

}  // namespace
}  // namespace wb
