// Mistake: a value without a bin is counted in memory that is not its own.
// Caught as: the device stopped it|elements? written (past the end|before the start)|illegal
#include "04_layernorm/histogram.h"
#include "04_layernorm/histogram_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void no_guard_of_values_kernel(const int* x,  // (n)
                                          int* counts,   // (bins)
                                          std::int64_t n, int bins) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int value = x[i];
  atomicAdd(&counts[value], 1);
}

void no_guard_of_values(const int* x, int* counts, std::int64_t n, int bins, cudaStream_t stream) {
  // In the stream too, or the kernel might come first.
  WB_CUDA_CHECK(cudaMemsetAsync(counts, 0, static_cast<std::size_t>(bins) * sizeof(int), stream));
  if (n == 0) return;
  const auto blocks = static_cast<unsigned>((n - 1) / kThreads + 1);
  no_guard_of_values_kernel<<<blocks, kThreads, 0, stream>>>(x, counts, n, bins);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Histogram, no_guard_of_values, no_guard_of_values);

}  // namespace
}  // namespace wb
