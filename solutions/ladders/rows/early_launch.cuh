// Launches a kernel that may start while the previous kernel in the stream still runs (compute capability
// 9.0).
#pragma once

#include "common/core/check.h"
#include "common/hopper/dependent_launch.cuh"
#include "solutions/ladders/rows/cluster.cuh"

namespace wb::ladder {

struct LaunchShape {
  dim3 grid, block;
  int shared_bytes = 0;
  int cluster = 1;  // above 1: the blocks of each column of the grid are a cluster
};

/// The kernel calls hopper::wait_for_previous_kernel before it touches memory.
template <class... Parameters, class... Arguments>
void launch_early(void (*kernel)(Parameters...), const LaunchShape& shape, cudaStream_t stream,
                  Arguments... arguments) {
  if (shape.shared_bytes > 48 * 1024) {  // so much is given only to who asks
    WB_CUDA_CHECK(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shape.shared_bytes));
  }
  cudaLaunchAttribute attributes[] = {hopper::may_start_early(), cluster_of(shape.cluster)};
  cudaLaunchConfig_t config = {};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = static_cast<std::size_t>(shape.shared_bytes);
  config.stream = stream;
  config.attrs = attributes;
  config.numAttrs = shape.cluster > 1 ? 2 : 1;
  WB_CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...));
}

}  // namespace wb::ladder
