// Mistake: counts[v] += 1: two threads load the same count, and one addition is lost.
// Caught as: additions are lost
// Caught on: cuda
// Inspected in: HistogramTest.CountsOneBlock
// Inspected as: global_race, line: counts[value] += 1
#include "04_layernorm/histogram.h"
#include "04_layernorm/histogram_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void plain_addition_kernel(const int* x,  // (n)
                                      int* counts,   // (bins)
                                      std::int64_t n, int bins) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int value = x[i];
  if (value >= 0 && value < bins) counts[value] += 1;
}

void plain_addition(const int* x, int* counts, std::int64_t n, int bins, cudaStream_t stream) {
  // In the stream too, or the kernel might come first.
  WB_CUDA_CHECK(cudaMemsetAsync(counts, 0, static_cast<std::size_t>(bins) * sizeof(int), stream));
  if (n == 0) return;
  const auto blocks = static_cast<unsigned>((n - 1) / kThreads + 1);
  plain_addition_kernel<<<blocks, kThreads, 0, stream>>>(x, counts, n, bins);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Histogram, plain_addition, plain_addition);

}  // namespace
}  // namespace wb
