// Two kernels of known names: what the profiler's test launches, counts and times.
// One thread per element; the second may repeat its work, so that it can be made the slower one.
#include "common/core/check.h"
#include "common/profiler/profiler_test_kernels.h"

namespace wb::profiler_test {

constexpr int kBlock = 128;

__global__ void profiled_add(float* x,  // (n)
                             int n, float increment) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] += increment;
}

template <int kFactor>
__global__ void profiled_scale(float* x,  // (n)
                               int n, int rounds) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float value = x[i];
  for (int round = 0; round < rounds; ++round) value *= static_cast<float>(kFactor);
  x[i] = value;
}

void launch_profiled_add(float* x, int n, float increment, cudaStream_t stream) {
  WB_REQUIRE(n >= 1, n);
  profiled_add<<<(n + kBlock - 1) / kBlock, kBlock, 0, stream>>>(x, n, increment);
  WB_CHECK_LAUNCH();
}

void launch_profiled_scale(float* x, int n, int rounds, cudaStream_t stream) {
  WB_REQUIRE(n >= 1, n);
  profiled_scale<2><<<(n + kBlock - 1) / kBlock, kBlock, 0, stream>>>(x, n, rounds);
  WB_CHECK_LAUNCH();
}

}  // namespace wb::profiler_test
