// Mistake: keeps the index in an unsigned short, which counts to 65535.
// First screen: type of 16 bits
#include <cstdint>

#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

__global__ void short_index_kernel(const float* a, const float* b, float* out, std::int64_t n) {
  const unsigned short i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

void launch(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  WB_REQUIRE(n >= 0, n);
  if (n == 0) return;
  WB_REQUIRE(a != nullptr && is_aligned(a), a);
  WB_REQUIRE(b != nullptr && is_aligned(b), b);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);
  short_index_kernel<<<static_cast<unsigned>((n + 255) / 256), 256, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, short_index, launch);

}  // namespace
}  // namespace wb::mistake
