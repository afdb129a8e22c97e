// Cooperative groups: a reduction that takes any group, for blocks and for tiles of 16 threads.
// Prints: block 2016, tiles 120 376 632 888
#include <cooperative_groups.h>
#include <stdio.h>

using namespace cooperative_groups;

__device__ int sum(thread_group g, int* temp, int value) {
  int lane = g.thread_rank();
  for (int i = g.size() / 2; i > 0; i /= 2) {
    temp[lane] = value;
    g.sync();
    if (lane < i) value += temp[lane + i];
    g.sync();
  }
  return value;
}

__global__ void sum_kernel(int* block_sum, int* tile_sums) {
  __shared__ int temp[64];
  thread_block block = this_thread_block();
  int total = sum(block, temp, threadIdx.x);
  if (block.thread_rank() == 0) *block_sum = total;
  block.sync();
  auto tile = tiled_partition<16>(block);
  total = sum(tile, temp + 16 * (threadIdx.x / 16), threadIdx.x);
  if (tile.thread_rank() == 0) tile_sums[threadIdx.x / 16] = total;
}

int main() {
  int *sums, h[5];
  cudaMalloc(&sums, sizeof(h));
  sum_kernel<<<1, 64>>>(sums, sums + 1);
  cudaMemcpy(h, sums, sizeof(h), cudaMemcpyDeviceToHost);
  printf("block %d, tiles %d %d %d %d\n", h[0], h[1], h[2], h[3], h[4]);
  cudaFree(sums);
  return 0;
}
