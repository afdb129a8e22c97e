// Scan in a single pass as the steps of the lesson lead to it, each of which a mutant may get wrong.
#pragma once

#include <cuda/atomic>

#include "03_softmax/scan_check.h"
#include "common/core/registry.h"

namespace wb::mutant {

inline constexpr int kLanes = 32;
inline constexpr int kBlock = 256;  // threads, and the elements of a tile
enum : int { kNothing, kSum, kPrefix };
using State = cuda::atomic_ref<int, cuda::thread_scope_device>;

/// The right steps; a mutant overrides one.
struct SinglePass {
  static constexpr int kThreadWithTheSum = kBlock - 1;
  static __device__ bool may_add(int lane, int distance) { return lane >= distance; }
  static __device__ bool may_store(std::int64_t i, std::int64_t n) { return i < n; }
  static __device__ void barrier_in_block_scan() { __syncthreads(); }
  static __device__ void publish(int* place, int value, int& state, int what) {
    *place = value;
    State(state).store(what, cuda::memory_order_release);
  }
  static __device__ bool ends_search(int state) { return state == kPrefix; }
  static __device__ int result(int before, int scanned, int) { return before + scanned; }
  static std::int64_t tiles(std::int64_t n) { return (n - 1) / kBlock + 1; }
  static std::size_t cleared(std::int64_t tiles) { return static_cast<std::size_t>(tiles) + 1; }
};

template <class Steps>
__device__ int block_scan(int value) {
  __shared__ int of_warp[kBlock / kLanes];
  const int lane = threadIdx.x % kLanes, warp = threadIdx.x / kLanes;
  for (int distance = 1; distance < kLanes; distance *= 2) {
    const int lower = __shfl_up_sync(0xffffffffu, value, distance);
    if (Steps::may_add(lane, distance)) value += lower;
  }
  if (lane == kLanes - 1) of_warp[warp] = value;
  Steps::barrier_in_block_scan();
  for (int w = 0; w < warp; ++w) value += of_warp[w];
  return value;
}

template <class Steps>
__global__ void scan_kernel(const int* x, int* out, ScanScratch tiles, std::int64_t n) {
  __shared__ int ticket, tile_sum, tile_before;
  if (threadIdx.x == 0) ticket = atomicAdd(tiles.ticket, 1);
  __syncthreads();
  const int tile = ticket;
  const std::int64_t i = static_cast<std::int64_t>(tile) * kBlock + threadIdx.x;
  const int value = i < n ? x[i] : 0;
  const int scanned = block_scan<Steps>(value);
  if (threadIdx.x == Steps::kThreadWithTheSum) tile_sum = scanned;
  __syncthreads();
  if (threadIdx.x == 0) {
    Steps::publish(&tiles.sum[tile], tile_sum, tiles.state[tile], kSum);
    int before = 0;
    for (int other = tile - 1; other >= 0; --other) {
      int state;
      do state = State(tiles.state[other]).load(cuda::memory_order_acquire);
      while (state == kNothing);
      before += state == kPrefix ? tiles.prefix[other] : tiles.sum[other];
      if (Steps::ends_search(state)) break;
    }
    Steps::publish(&tiles.prefix[tile], before + tile_sum, tiles.state[tile], kPrefix);
    tile_before = before;
  }
  __syncthreads();
  if (Steps::may_store(i, n)) out[i] = Steps::result(tile_before, scanned, value);
}

}  // namespace wb::mutant
