// Mistake: a block takes the tile of its own number, and waits for blocks that may start later.
// First screen: StartsWithAnyBlock.*A block that it waits for must have started before it
// Does not end
#include "tools/proofs/mistakes/scan/scan.cuh"

namespace wb::mistake {
namespace {

__global__ void tile_of_the_block_kernel(const int* x, int* out, ScanScratch tiles, std::int64_t n) {
  __shared__ int tile_sum, tile_before;
  const int tile = static_cast<int>(blockIdx.x);
  const std::int64_t i = static_cast<std::int64_t>(tile) * kBlock + threadIdx.x;
  const int scanned = block_scan(i < n ? x[i] : 0);
  if (threadIdx.x == kBlock - 1) tile_sum = scanned;
  __syncthreads();
  if (threadIdx.x == 0) {
    int before = 0;
    if (tile > 0) {
      while (State(tiles.state[tile - 1]).load(cuda::memory_order_acquire) == kNothing) __nanosleep(10);
      before = tiles.prefix[tile - 1];
    }
    tiles.prefix[tile] = before + tile_sum;
    State(tiles.state[tile]).store(kPrefix, cuda::memory_order_release);
    tile_before = before;
  }
  __syncthreads();
  if (i < n) out[i] = tile_before + scanned;
}

void launch(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const unsigned tiles = prepare(x, out, scratch, n, stream);
  tile_of_the_block_kernel<<<tiles, kBlock, 0, stream>>>(x, out, divide_scan_scratch(scratch, tiles), n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Scan, tile_of_the_block, launch);

}  // namespace
}  // namespace wb::mistake
