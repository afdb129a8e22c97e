// Mistake: the index is an int: the step after the last element may pass 2^31.
// Caught as: too far for a 32-bit index
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
__global__ void index_of_32_bits_kernel(const int* x,  // (n)
                                        int* counts,   // (bins)
                                        std::int64_t n, int bins) {
  extern __shared__ int own[];  // (bins) where kPrivate
  const int thread = static_cast<int>(threadIdx.x);
  if (kPrivate) {
    for (int bin = thread; bin < bins; bin += kThreads) own[bin] = 0;
    __syncthreads();
  }

  int* const target = kPrivate ? own : counts;
  const int grid_threads = static_cast<int>(gridDim.x) * kThreads;
  for (int i = static_cast<int>(blockIdx.x) * kThreads + thread; i < n; i += grid_threads) {
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

void index_of_32_bits(const int* x, int* counts, std::int64_t n, int bins, cudaStream_t stream) {
  const std::size_t bytes = static_cast<std::size_t>(bins) * sizeof(int);
  // In the stream too, or the kernel might come first.
  WB_CUDA_CHECK(cudaMemsetAsync(counts, 0, bytes, stream));
  if (n == 0) return;
  const auto blocks = static_cast<unsigned>(std::min((n - 1) / kThreads + 1, kMostBlocks));
  if (bytes <= kSharedBytes) {
    index_of_32_bits_kernel<true><<<blocks, kThreads, bytes, stream>>>(x, counts, n, bins);
  } else {
    index_of_32_bits_kernel<false><<<blocks, kThreads, 0, stream>>>(x, counts, n, bins);
  }
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Histogram, index_of_32_bits, index_of_32_bits);

}  // namespace
}  // namespace wb
