// Mistake: the threads of the last block past n add as well.
// Caught as: canar|past the end|illegal
// Inspected in: VectorAddTest.GuardsTheTail
// Inspected as: out_of_bounds, line: out[i] = a[i] + b[i];
#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void no_bounds_guard_kernel(const float* a,  // (n)
                                       const float* b,  // (n)
                                       float* out       // (n)
) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  out[i] = a[i] + b[i];
}

void no_bounds_guard(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  no_bounds_guard_kernel<<<static_cast<unsigned>((n + kThreads - 1) / kThreads), kThreads, 0, stream>>>(a, b,
                                                                                                        out);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, no_bounds_guard, no_bounds_guard);

}  // namespace
}  // namespace wb
