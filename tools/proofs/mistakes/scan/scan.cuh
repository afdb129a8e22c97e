// What the wrong kernels of scan share: a single pass in which thread 0 looks back. A mistake passes how a
// number is published with its state, and how a state is awaited.
#pragma once

#include <cuda/atomic>

#include <cstdint>

#include "03_softmax/scan.h"
#include "03_softmax/scan_check.h"
#include "common/core/registry.h"

namespace wb::mistake {

inline constexpr int kBlock = 256, kWarp = 32;
enum : int { kNothing, kSum, kPrefix };
using State = cuda::atomic_ref<int, cuda::thread_scope_device>;

__device__ inline int block_scan(int value) {
  __shared__ int of_warp[kBlock / kWarp];
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  for (int distance = 1; distance < kWarp; distance *= 2) {
    const int lower = __shfl_up_sync(0xffffffffu, value, distance);
    if (lane >= distance) value += lower;
  }
  if (lane == kWarp - 1) of_warp[warp] = value;
  __syncthreads();
  for (int w = 0; w < warp; ++w) value += of_warp[w];
  return value;
}

/// publish(place, value, state, what); wait(state) returns what is published.
template <class Publish, class Wait>
__device__ void scan_single_pass(const int* x, int* out, ScanScratch tiles, std::int64_t n, Publish publish,
                                 Wait wait) {
  __shared__ int ticket, tile_sum, tile_before;
  if (threadIdx.x == 0) ticket = atomicAdd(tiles.ticket, 1);
  __syncthreads();
  const int tile = ticket;
  const std::int64_t i = static_cast<std::int64_t>(tile) * kBlock + threadIdx.x;
  const int scanned = block_scan(i < n ? x[i] : 0);
  if (threadIdx.x == kBlock - 1) tile_sum = scanned;
  __syncthreads();
  if (threadIdx.x == 0) {
    publish(&tiles.sum[tile], tile_sum, &tiles.state[tile], kSum);
    int before = 0;
    for (int other = tile - 1; other >= 0; --other) {
      const int state = wait(&tiles.state[other]);
      before += state == kPrefix ? tiles.prefix[other] : tiles.sum[other];
      if (state == kPrefix) break;
    }
    publish(&tiles.prefix[tile], before + tile_sum, &tiles.state[tile], kPrefix);
    tile_before = before;
  }
  __syncthreads();
  if (i < n) out[i] = tile_before + scanned;
}

/// Clears the ticket and the states. Returns the number of tiles.
inline unsigned prepare(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  check_scan(x, out, scratch, n);
  const std::int64_t tiles = (n + kBlock - 1) / kBlock;
  WB_CUDA_CHECK(cudaMemsetAsync(scratch, 0, (tiles + 1) * sizeof(int), stream));
  return static_cast<unsigned>(tiles);
}

}  // namespace wb::mistake
