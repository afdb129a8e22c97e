// Histogram, privatized: each block counts in shared memory, then adds its counts to the result.
//
// An atomic addition in shared memory is done on the SM itself, and blocks no longer contend for one address.
// At most 1024 blocks process x in a grid-stride loop: thread i of the grid counts elements i, i + threads of
// the grid, ... At most 1024 additions per bin therefore reach global memory, however long x is.
//
// Three parts with barriers between them: set the block's counts to 0; count; add them to `counts`. The size
// of the block's counts is known at the launch: dynamic shared memory, the third number in <<<...>>>. If the
// bins do not fit in 48 KB, the kernel counts in global memory directly; with so many bins the queues are
// short unless the counts are unequal.
//
// 4 bytes per element, one addition in shared memory each. Read before: histogram_naive.cu.
#include <algorithm>

#include "04_layernorm/histogram.h"
#include "04_layernorm/histogram_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 1024;       // about eight for each SM of a large GPU
constexpr std::size_t kSharedBytes = 48 * 1024;  // that every block may have without asking

template <bool kPrivate>
__global__ void histogram_kernel(const int* x,  // (n)
                                 int* counts,   // (bins)
                                 std::int64_t n, int bins) {
  extern __shared__ int own[];  // (bins) where kPrivate
  const int thread = static_cast<int>(threadIdx.x);
  if (kPrivate) {
    for (int bin = thread; bin < bins; bin += kThreads) own[bin] = 0;
    __syncthreads();
  }

  int* const target = kPrivate ? own : counts;
  const std::int64_t grid_threads = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + thread; i < n; i += grid_threads) {
    const int value = x[i];
    if (value >= 0 && value < bins) atomicAdd(&target[value], 1);
  }

  if (kPrivate) {
    __syncthreads();
    for (int bin = thread; bin < bins; bin += kThreads) {
      if (own[bin] != 0) atomicAdd(&counts[bin], own[bin]);
    }
  }
}

void histogram_solution(const int* x, int* counts, std::int64_t n, int bins, cudaStream_t stream) {
  check_histogram(x, counts, n, bins);
  const std::size_t bytes = static_cast<std::size_t>(bins) * sizeof(int);
  // In the stream too, or the kernel might come first.
  WB_CUDA_CHECK(cudaMemsetAsync(counts, 0, bytes, stream));
  if (n == 0) return;
  const auto blocks = static_cast<unsigned>(std::min((n - 1) / kThreads + 1, kMostBlocks));
  if (bytes <= kSharedBytes) {
    histogram_kernel<true><<<blocks, kThreads, bytes, stream>>>(x, counts, n, bins);
  } else {
    histogram_kernel<false><<<blocks, kThreads, 0, stream>>>(x, counts, n, bins);
  }
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Histogram, solution, histogram_solution);

}  // namespace
}  // namespace wb
