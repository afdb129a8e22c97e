// Mistake: means are kept in shared memory for 256 rows, and of many rows a block has more.
// Caught as: n = 140001
// Caught by: AddsUpManyRows
#include <algorithm>
#include <cstdint>

#include "04_layernorm/dgamma.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kColumns = 32;      // of a block: threadIdx.x
constexpr int kWarps = 8;         // of a block: threadIdx.y
constexpr int kRows = 256;        // of a block, at least
constexpr int kMostBlocks = 512;  // that add to one column

__global__ void means_of_256_rows_kernel(const float* dy,    // (N, C)
                                         const float* x,     // (N, C)
                                         const float* mean,  // (N)
                                         const float* rstd,  // (N)
                                         float* dgamma,      // (C)
                                         int n, int c, int rows_per_block) {
  __shared__ float of_warp[kWarps][kColumns];
  const int column = static_cast<int>(blockIdx.x) * kColumns + static_cast<int>(threadIdx.x);
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.y) * rows_per_block;
  const std::int64_t end = min(first + rows_per_block, static_cast<std::int64_t>(n));

  __shared__ float means[kRows];
  const int thread = static_cast<int>(threadIdx.y) * kColumns + static_cast<int>(threadIdx.x);
  if (first + thread < end) means[thread] = mean[first + thread];
  __syncthreads();

  float sum = 0.0f;
  if (column < c) {
    for (std::int64_t row = first + threadIdx.y; row < end; row += kWarps) {
      const std::int64_t i = row * c + column;
      sum += dy[i] * ((x[i] - means[(row - first) % kRows]) * rstd[row]);
    }
  }

  of_warp[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || column >= c) return;
  for (int warp = 1; warp < kWarps; ++warp) sum += of_warp[warp][threadIdx.x];
  atomicAdd(&dgamma[column], sum);
}

void means_of_256_rows(const float* dy, const float* x, const float* mean, const float* rstd, float* dgamma,
                       int n, int c, cudaStream_t stream) {
  const int rows_per_block = std::max(kRows, (n - 1) / kMostBlocks + 1);
  const dim3 block(kColumns, kWarps);
  const dim3 grid((c - 1) / kColumns + 1, (n - 1) / rows_per_block + 1);
  means_of_256_rows_kernel<<<grid, block, 0, stream>>>(dy, x, mean, rstd, dgamma, n, c, rows_per_block);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Dgamma, means_of_256_rows, means_of_256_rows);

}  // namespace
}  // namespace wb
