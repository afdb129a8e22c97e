// Mistake: stages the operands in dynamic shared memory, but the launch asks for none.
// First screen: past the end of the 0 bytes of dynamic shared memory.*third value
#include <cstdint>

#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

__global__ void shared_not_given_kernel(const float* a, const float* b, float* out, std::int64_t n) {
  extern __shared__ float staged[];
  const std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (i >= n) return;
  staged[threadIdx.x] = a[i];
  out[i] = staged[threadIdx.x] + b[i];
}

void launch(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  WB_REQUIRE(n >= 0, n);
  if (n == 0) return;
  WB_REQUIRE(a != nullptr && is_aligned(a), a);
  WB_REQUIRE(b != nullptr && is_aligned(b), b);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);
  shared_not_given_kernel<<<static_cast<unsigned>((n + 255) / 256), 256, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, shared_not_given, launch);

}  // namespace
}  // namespace wb::mistake
