// Your turn: count how often each value occurs. README.md is the lesson; hints.md has hints.
//
// Do one TODO at a time, and check after each:
//
//     ./workbook check 04 histogram
#include <algorithm>

#include "04_layernorm/histogram.h"
#include "04_layernorm/histogram_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void histogram_kernel(const int* x,  // (n)
                                 int* counts,   // (bins)
                                 std::int64_t n, int bins) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;

  // TODO 1: Add 1 to the count of x[i]. Other threads may add to the same count at the same time.

  // TODO 2: Some threads have no element, and some elements have no bin.

  // TODO 4: Let the block count in shared memory: set its counts to 0, wait, count there, wait, and add
  //         them to `counts`. `extern __shared__ int own[];` has the size that the launch gives as its third
  //         number.
}

void histogram_starter(const int* x, int* counts, std::int64_t n, int bins, cudaStream_t stream) {
  check_histogram(x, counts, n, bins);

  // TODO 3: `counts` is not initialized. Set it to 0 before the kernel runs: cudaMemsetAsync, in `stream`.

  if (n == 0) return;

  // TODO 5: At most 1024 blocks, each of which then counts many elements: a loop with the stride of the grid.
  //         More bins than fit 48 KB of shared memory need the kernel without it.
  const auto blocks = static_cast<unsigned>((n - 1) / kThreads + 1);
  histogram_kernel<<<blocks, kThreads, 0, stream>>>(x, counts, n, bins);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Histogram, starter, histogram_starter);

}  // namespace
}  // namespace wb
