// Launches a kernel that may start while the one before it in the stream still runs (compute capability 9.0).
#pragma once

#include "common/core/check.h"
#include "common/hopper/dependent_launch.cuh"

namespace wb::ladder {

struct LaunchShape {
  int blocks, threads;
  int cluster = 1;  // above 1: the grid is (blocks, cluster), and the blocks of a column are a cluster
};

/// The kernel calls hopper::wait_for_previous_kernel before it touches memory.
template <class... Parameters, class... Arguments>
void launch_early(void (*kernel)(Parameters...), const LaunchShape& shape, cudaStream_t stream,
                  Arguments... arguments) {
  cudaLaunchAttribute attributes[] = {hopper::may_start_early(), {}};
  attributes[1].id = cudaLaunchAttributeClusterDimension;
  attributes[1].val.clusterDim.x = attributes[1].val.clusterDim.z = 1;
  attributes[1].val.clusterDim.y = static_cast<unsigned>(shape.cluster);
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(shape.blocks), static_cast<unsigned>(shape.cluster));
  config.blockDim = dim3(static_cast<unsigned>(shape.threads));
  config.stream = stream;
  config.attrs = attributes;
  config.numAttrs = shape.cluster > 1 ? 2 : 1;
  WB_CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...));
}

}  // namespace wb::ladder
