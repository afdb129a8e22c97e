// Mistake: a block of 2048 threads, more than any GPU has, and no check after the launch.
// Caught as: nothing asked for its error
#include "01_vector_add/vector_add.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 2048;

__global__ void unchecked_launch_kernel(const float* a,  // (n)
                                        const float* b,  // (n)
                                        float* out,      // (n)
                                        std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

void unchecked_launch(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const unsigned blocks = static_cast<unsigned>((n + kThreads - 1) / kThreads);
  unchecked_launch_kernel<<<blocks, kThreads, 0, stream>>>(a, b, out, n);
}

WB_REGISTER(VectorAdd, unchecked_launch, unchecked_launch);

}  // namespace
}  // namespace wb
