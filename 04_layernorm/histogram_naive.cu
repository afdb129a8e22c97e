// Histogram, one atomic addition in global memory per element. The other kernel is compared with it.
//
// Thread i of the grid reads x[i], so a warp reads 4 sectors, and adds 1 to counts[x[i]]. Many threads add to
// one count at the same time. A plain counts[v] += 1 is a load, an addition and a store, and an update that
// another thread stores in between is lost. atomicAdd performs the three as one indivisible operation, in the
// L2 cache.
//
// 4 bytes per element. But additions to one address are done one after the other: the fewer the bins, or the
// more unequal their counts, the longer the queue. Next: histogram_solution.cu counts in shared memory first.
#include "04_layernorm/histogram.h"
#include "04_layernorm/histogram_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void histogram_naive_kernel(const int* x,  // (n)
                                       int* counts,   // (bins)
                                       std::int64_t n, int bins) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int value = x[i];
  if (value >= 0 && value < bins) atomicAdd(&counts[value], 1);
}

void histogram_naive(const int* x, int* counts, std::int64_t n, int bins, cudaStream_t stream) {
  check_histogram(x, counts, n, bins);
  // In the stream too, or the kernel might come first.
  WB_CUDA_CHECK(cudaMemsetAsync(counts, 0, static_cast<std::size_t>(bins) * sizeof(int), stream));
  if (n == 0) return;
  const auto blocks = static_cast<unsigned>((n - 1) / kThreads + 1);
  histogram_naive_kernel<<<blocks, kThreads, 0, stream>>>(x, counts, n, bins);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Histogram, naive, histogram_naive);

}  // namespace
}  // namespace wb
