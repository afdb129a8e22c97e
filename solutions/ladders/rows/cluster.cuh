// The blocks of a cluster share a row that none of them could hold (compute capability 9.0).
//
// Blocks (b, 0), (b, 1), ... of the grid form a cluster: they run at the same time on neighboring
// multiprocessors and can write into each other's shared memory. Each holds a slice of the row. Each warp
// writes its partial result to every block of the cluster, and after one barrier of the whole cluster each
// block has all of them.
#pragma once

#include <cooperative_groups.h>

#include "common/core/check.h"
#include "solutions/ladders/rows/meet.cuh"

namespace wb::ladder {

/// The sums over all threads of kBlocks blocks of kThreads, with the same bits in each. `turn` as in meet().
/// All blocks of the cluster must have started: see start_cluster.
template <int kThreads, int kBlocks, int kCount>
__device__ Known<kCount> meet_in_cluster(Known<kCount> mine, int turn = 0) {
  if constexpr (kBlocks == 1) return meet<kThreads>(mine, Add{}, turn);
  constexpr int kWarps = kThreads / kWarp, kSlots = kBlocks * kWarps;
  __shared__ Known<kCount> of_warp[2][kSlots];
  const auto cluster = cooperative_groups::this_cluster();
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  mine = meet_in_warp<kWarp>(mine, Add{});
  if (lane < kBlocks) {
    Known<kCount>* slot = &of_warp[turn][static_cast<int>(cluster.block_rank()) * kWarps + warp];
    *cluster.map_shared_rank(slot, lane) = mine;
  }
  cluster.sync();
  Known<kCount> all = {};
#pragma unroll
  for (int i = 0; i < kSlots; i += kWarp) {
    if (i + lane < kSlots) all = Add{}(all, of_warp[turn][i + lane]);
  }
  all = meet_in_warp<kWarp>(all, Add{});
  for (float& value : all.of) value = __shfl_sync(kAllLanes, value, 0);
  return all;
}

/// Call it before the first reduction: shared memory of a block that has not started must not be written.
template <int kBlocks>
__device__ void start_cluster() {
  if constexpr (kBlocks > 1) cooperative_groups::this_cluster().sync();
}

inline cudaLaunchAttribute cluster_of(int blocks) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = 1;
  attribute.val.clusterDim.y = static_cast<unsigned>(blocks);
  attribute.val.clusterDim.z = 1;
  return attribute;
}

/// How many clusters of `blocks` blocks the device holds at once. Groups of multiprocessors that a cluster
/// may not leave make them fewer than the blocks that fit, divided by `blocks`.
template <class... Parameters>
int resident_clusters(void (*kernel)(Parameters...), int threads, int blocks) {
  cudaLaunchAttribute cluster = cluster_of(blocks);
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(1, static_cast<unsigned>(blocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.attrs = &cluster;
  config.numAttrs = 1;
  int clusters = 0;
  WB_CUDA_CHECK(cudaOccupancyMaxActiveClusters(&clusters, kernel, &config));
  WB_REQUIRE(clusters > 0, clusters);
  return clusters;
}

/// Launches kernel<<<dim3(clusters, blocks), threads>>> with a cluster for each column of the grid.
template <class... Parameters, class... Arguments>
void launch_clusters(void (*kernel)(Parameters...), int clusters, int blocks, int threads,
                     cudaStream_t stream, Arguments... arguments) {
  cudaLaunchAttribute cluster = cluster_of(blocks);
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(clusters), static_cast<unsigned>(blocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.stream = stream;
  config.attrs = &cluster;
  config.numAttrs = 1;
  WB_CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...));
}

}  // namespace wb::ladder
