// Mistake: the index is an int: blockIdx.x * blockDim.x beyond 2^31 is negative.
// First screen: CountsPastTwoToThe31
#include <cstdint>

#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

__global__ void int_index_kernel(const float* a,  // (n)
                                 const float* b,  // (n)
                                 float* out,      // (n)
                                 std::int64_t n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= 0 && i < n) out[i] = a[i] + b[i];
}

void launch(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  WB_REQUIRE(n >= 0, n);
  if (n == 0) return;
  WB_REQUIRE(a != nullptr && is_aligned(a), a);
  WB_REQUIRE(b != nullptr && is_aligned(b), b);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);
  int_index_kernel<<<static_cast<unsigned>((n + 255) / 256), 256, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, int_index, launch);

}  // namespace
}  // namespace wb::mistake
