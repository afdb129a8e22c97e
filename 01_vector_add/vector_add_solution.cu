// Vector addition, one thread per element: out[i] = a[i] + b[i].
//
// Mapping: thread i of the grid owns element i, so the 32 threads of a warp read 128
// consecutive bytes of each input in one request (coalesced). The last block is partly idle:
// its threads past n must not touch memory.
//
// Work: 12 bytes per element (two floats read, one written) for 1 FLOP. A GPU with 4 TB/s and 60 TFLOP/s
// could do 180 FLOPs in the time of those 12 bytes: the memory bandwidth alone limits the speed.
//
// Read next: vector_add_vectorized.cu, the same with four elements per thread.
#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void vector_add_kernel(const float* a,  // (n)
                                  const float* b,  // (n)
                                  float* out,      // (n)
                                  std::int64_t n) {
  // Widen before multiplying: blockIdx.x * blockDim.x is 32 bits wide and wraps at 2^32 elements.
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) {
    out[i] = a[i] + b[i];
  }
}

void vector_add_solution(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  WB_REQUIRE(n >= 0, n);
  if (n == 0) return;  // an empty grid is a launch error
  WB_REQUIRE(a != nullptr && is_aligned(a), a);
  WB_REQUIRE(b != nullptr && is_aligned(b), b);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);

  const std::int64_t blocks = (n + kThreads - 1) / kThreads;  // rounded up: the tail needs a block too
  WB_REQUIRE(blocks <= 0x7fffffff, blocks);
  vector_add_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, solution, vector_add_solution);

}  // namespace
}  // namespace wb
