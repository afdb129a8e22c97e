// Mistake: the launcher reads the first element of a, which is device memory.
// First screen: host.*device memory|device memory.*host
#include <cstdint>

#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

__global__ void host_reads_device_kernel(const float* a,  // (n)
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
  if (!(a[0] < 1e30f)) return;
  host_reads_device_kernel<<<static_cast<unsigned>((n + 255) / 256), 256, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, host_reads_device, launch);

}  // namespace
}  // namespace wb::mistake
