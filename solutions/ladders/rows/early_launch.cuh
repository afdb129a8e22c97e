// Launches a kernel that may start while the one before it in the stream still runs (compute capability 9.0).
#pragma once

#include "common/core/check.h"
#include "common/hopper/dependent_launch.cuh"

namespace wb::ladder {

/// The kernel calls hopper::wait_for_previous_kernel before it touches memory.
template <class... Parameters, class... Arguments>
void launch_early(void (*kernel)(Parameters...), int blocks, int threads, cudaStream_t stream,
                  Arguments... arguments) {
  cudaLaunchAttribute early = hopper::may_start_early();
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = 1;
  WB_CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...));
}

}  // namespace wb::ladder
