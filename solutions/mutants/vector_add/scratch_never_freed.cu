// Mistake: scratch memory is allocated in every call and never freed.
// Caught as: left device memory behind
// Caught on: cpu
#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void scratch_never_freed_kernel(const float* a,  // (n)
                                           const float* b,  // (n)
                                           float* scratch,  // (n)
                                           float* out,      // (n)
                                           std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  scratch[i] = a[i];
  out[i] = scratch[i] + b[i];
}

void scratch_never_freed(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  float* scratch = nullptr;
  WB_CUDA_CHECK(cudaMalloc(&scratch, static_cast<std::size_t>(n) * sizeof(float)));
  const unsigned blocks = static_cast<unsigned>((n + kThreads - 1) / kThreads);
  scratch_never_freed_kernel<<<blocks, kThreads, 0, stream>>>(a, b, scratch, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, scratch_never_freed, scratch_never_freed);

}  // namespace
}  // namespace wb
