// Mistake: every block adds the first elements again: blockIdx is forgotten.
// Caught as: never written
// Inspected in: VectorAddTest.AddsManyBlocks
// Inspected as: global_race, line: out[i] = a[i] + b[i];
#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void same_block_again_kernel(const float* a,  // (n)
                                        const float* b,  // (n)
                                        float* out,      // (n)
                                        std::int64_t n) {
  const std::int64_t i = threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

void same_block_again(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t blocks = (n + kThreads - 1) / kThreads;
  same_block_again_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, same_block_again, same_block_again);

}  // namespace
}  // namespace wb
