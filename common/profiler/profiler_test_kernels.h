// Two kernels of known names for the profiler's test.
#pragma once

#include <cuda_runtime.h>

namespace wb::profiler_test {

/// Adds `increment` to each of n floats, in kernel `profiled_add`.
void launch_profiled_add(float* x,  // (n)
                         int n, float increment, cudaStream_t stream);
/// Doubles each of n floats `rounds` times, in kernel `profiled_scale<2>`.
void launch_profiled_scale(float* x,  // (n)
                           int n, int rounds, cudaStream_t stream);

}  // namespace wb::profiler_test
