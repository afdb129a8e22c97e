// Mistake: each launch allocates memory that nobody frees.
// First screen: left device memory behind
#include <cstdint>

#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

__global__ void leak_kernel(const float* a,  // (n)
                            const float* b,  // (n)
                            float* out,      // (n)
                            std::int64_t n) {
  const std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

void launch(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  WB_REQUIRE(n >= 0, n);
  if (n == 0) return;
  WB_REQUIRE(a != nullptr && is_aligned(a), a);
  WB_REQUIRE(b != nullptr && is_aligned(b), b);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);
  float* copy = nullptr;
  WB_CUDA_CHECK(cudaMalloc(&copy, static_cast<std::size_t>(n) * sizeof(float)));
  WB_CUDA_CHECK(cudaMemcpyAsync(copy, a, static_cast<std::size_t>(n) * sizeof(float),
                                cudaMemcpyDeviceToDevice, stream));
  leak_kernel<<<static_cast<unsigned>((n + 255) / 256), 256, 0, stream>>>(copy, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, leak, launch);

}  // namespace
}  // namespace wb::mistake
