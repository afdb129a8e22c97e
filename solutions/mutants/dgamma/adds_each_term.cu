// Mistake: an atomic addition to dgamma for each row.
// Caught as: add up the terms of more than 8 rows
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

__global__ void adds_each_term_kernel(const float* dy,    // (N, C)
                                      const float* x,     // (N, C)
                                      const float* mean,  // (N)
                                      const float* rstd,  // (N)
                                      float* dgamma,      // (C)
                                      int n, int c, int rows_per_block) {
  const int column = static_cast<int>(blockIdx.x) * kColumns + static_cast<int>(threadIdx.x);
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.y) * rows_per_block;
  const std::int64_t end = min(first + rows_per_block, static_cast<std::int64_t>(n));

  if (column < c) {
    for (std::int64_t row = first + threadIdx.y; row < end; row += kWarps) {
      const std::int64_t i = row * c + column;
      atomicAdd(&dgamma[column], dy[i] * ((x[i] - mean[row]) * rstd[row]));
    }
  }
}

void adds_each_term(const float* dy, const float* x, const float* mean, const float* rstd, float* dgamma,
                    int n, int c, cudaStream_t stream) {
  const int rows_per_block = std::max(kRows, (n - 1) / kMostBlocks + 1);
  const dim3 block(kColumns, kWarps);
  const dim3 grid((c - 1) / kColumns + 1, (n - 1) / rows_per_block + 1);
  adds_each_term_kernel<<<grid, block, 0, stream>>>(dy, x, mean, rstd, dgamma, n, c, rows_per_block);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Dgamma, adds_each_term, adds_each_term);

}  // namespace
}  // namespace wb
