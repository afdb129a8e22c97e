// Mistake: a is added to itself: b is never read.
// Caught as: of the wrong|are wrong|is wrong
#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void first_operand_twice_kernel(const float* a,  // (n)
                                           const float* b,  // (n)
                                           float* out,      // (n)
                                           std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) out[i] = a[i] + a[i];
}

void first_operand_twice(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t blocks = (n + kThreads - 1) / kThreads;
  first_operand_twice_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, first_operand_twice, first_operand_twice);

}  // namespace
}  // namespace wb
