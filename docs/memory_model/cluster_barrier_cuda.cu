// A barrier for the blocks of a cluster, which can read each other's shared memory. Each of four blocks
// reads the tile of the next one. The second barrier keeps a block from ending while another block still
// reads its tile.
// Prints: clusters: 0 wrong
// Refused: thread-block clusters
#include <cooperative_groups.h>
#include <cstdio>

namespace cg = cooperative_groups;

constexpr int kBlocks = 16, kThreads = 128;

__global__ void __cluster_dims__(4) neighbors(int* out) {  // out: (kBlocks * kThreads)
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  __shared__ int tile[kThreads];
  const cg::cluster_group cluster = cg::this_cluster();
  tile[threadIdx.x] = blockIdx.x * kThreads + threadIdx.x;
  cluster.sync();
  const int* theirs = cluster.map_shared_rank(tile, (cluster.block_rank() + 1) % cluster.num_blocks());
  out[blockIdx.x * kThreads + threadIdx.x] = theirs[threadIdx.x];
  cluster.sync();
#endif
}

int main() {
  int major = 0;
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0);
  if (major < 9) {
    std::printf("no clusters before compute capability 9.0: skipped\n");
    return 77;
  }
  int host[kBlocks * kThreads], *out = nullptr, wrong = 0;
  cudaMalloc(&out, sizeof(host));
  neighbors<<<kBlocks, kThreads>>>(out);
  cudaMemcpy(host, out, sizeof(host), cudaMemcpyDeviceToHost);
  cudaFree(out);
  for (int b = 0; b < kBlocks; ++b) {
    const int next = b / 4 * 4 + (b + 1) % 4;
    for (int t = 0; t < kThreads; ++t) wrong += host[b * kThreads + t] != next * kThreads + t;
  }
  std::printf("clusters: %d wrong\n", wrong);
  return wrong == 0 ? 0 : 1;
}
