// Your turn: out[i] = a[i] + b[i], with one thread per element. README.md is the lesson; hints.md has hints.
//
// Fill in the three TODOs, one at a time, and check after each:
//
//     ./workbook check 01
//
// The launcher at the bottom is complete except for one number.
#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;  // threads per block

__global__ void vector_add_kernel(const float* a,  // (n)
                                  const float* b,  // (n)
                                  float* out,      // (n)
                                  std::int64_t n) {
  // TODO 1: Add one element. Which one does this thread own? Start with its number in its block, threadIdx.x.
  //         When one block is correct, tell blocks apart with blockIdx.x and blockDim.x.

  // TODO 3: The last block may have more threads than there are elements left. What must those threads
  //         not do?
}

void vector_add_starter(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  WB_REQUIRE(n >= 0, n);
  if (n == 0) return;  // an empty grid is a launch error
  WB_REQUIRE(a != nullptr && is_aligned(a), a);
  WB_REQUIRE(b != nullptr && is_aligned(b), b);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);

  const std::int64_t blocks = 1;  // TODO 2: How many blocks of kThreads cover n elements?
  vector_add_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, starter, vector_add_starter);

}  // namespace
}  // namespace wb
