// Barriers for fewer threads than a block. Only some tiles of eight threads take a branch, and they wait
// for each other inside it. Only some lanes of a warp reach an addition, and one of them adds for all.
// Prints: tiles: 28 0 156 0
// Prints: odd numbers: 500
// Finds: 0 findings
#include <cooperative_groups.h>
#include <cstdio>

namespace cg = cooperative_groups;

__global__ void sums_of_tiles(int* out) {  // out: (4)
  __shared__ int cell[32];
  const auto tile = cg::tiled_partition<8>(cg::this_thread_block());
  cell[threadIdx.x] = threadIdx.x;
  tile.sync();
  if (tile.meta_group_rank() % 2 != 0) return;
  for (unsigned half = 4; half > 0; half /= 2) {
    if (tile.thread_rank() < half) cell[threadIdx.x] += cell[threadIdx.x + half];
    tile.sync();
  }
  if (tile.thread_rank() == 0) out[tile.meta_group_rank()] = cell[threadIdx.x];
}

__global__ void count_odd(int n, int* count) {  // count: (1)
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n || i % 2 == 0) return;
  const auto here = cg::coalesced_threads();
  if (here.thread_rank() == 0) atomicAdd(count, here.size());
}

int main() {
  int host[5] = {}, *out = nullptr;
  cudaMalloc(&out, sizeof(host));
  cudaMemset(out, 0, sizeof(host));
  sums_of_tiles<<<1, 32>>>(out);
  count_odd<<<4, 256>>>(1000, out + 4);
  cudaMemcpy(host, out, sizeof(host), cudaMemcpyDeviceToHost);
  cudaFree(out);
  std::printf("tiles: %d %d %d %d\nodd numbers: %d\n", host[0], host[1], host[2], host[3], host[4]);
  return host[0] == 28 && host[2] == 156 && host[4] == 500 ? 0 : 1;
}
