// Mistake: the kernel reads a factor that lies in host memory.
// First screen: host memory
#include <cstdint>

#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

__global__ void host_pointer_kernel(const float* a,  // (n)
                                    const float* b,  // (n)
                                    float* out,      // (n)
                                    std::int64_t n, const float* factor) {
  const std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (i < n) out[i] = *factor * (a[i] + b[i]);
}

void launch(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  WB_REQUIRE(n >= 0, n);
  if (n == 0) return;
  WB_REQUIRE(a != nullptr && is_aligned(a), a);
  WB_REQUIRE(b != nullptr && is_aligned(b), b);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);
  const float one = 1.0f;
  host_pointer_kernel<<<static_cast<unsigned>((n + 255) / 256), 256, 0, stream>>>(a, b, out, n, &one);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, host_pointer, launch);

}  // namespace
}  // namespace wb::mistake
