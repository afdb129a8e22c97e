// Gradient of LayerNorm's weight, privatized: a block adds up its rows, and then adds once to each column.
//
// Block (strip, b) has 32 columns and the rows from b * rows_per_block on. Warp w of it takes every 8th of
// these rows, and lane l adds up column l in a register. The 8 sums of a column meet in shared memory, and
// the first warp adds them up: one atomic addition per block and column, for at least 256 rows. Sums of many
// rows are also larger than single terms, so less is lost when they are added to a large dgamma.
//
// At most 512 blocks share the rows: however large N is, at most 512 additions reach a column.
//
// 8 bytes per element, 4 FLOPs, an atomic addition per 256 elements. Read before: dgamma_column_loop.cu and
// dgamma_atomics_per_row.cu. layernorm_backward_two_stage.cu does it without atomics, with the same bits in
// every run.
#include <algorithm>
#include <cstdint>

#include "04_layernorm/dgamma.h"
#include "04_layernorm/dgamma_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kColumns = 32;      // of a block: threadIdx.x
constexpr int kWarps = 8;         // of a block: threadIdx.y
constexpr int kRows = 256;        // of a block, at least
constexpr int kMostBlocks = 512;  // that add to one column

__global__ void dgamma_kernel(const float* dy,    // (N, C)
                              const float* x,     // (N, C)
                              const float* mean,  // (N)
                              const float* rstd,  // (N)
                              float* dgamma,      // (C)
                              int n, int c, int rows_per_block) {
  __shared__ float of_warp[kWarps][kColumns];
  const int column = static_cast<int>(blockIdx.x) * kColumns + static_cast<int>(threadIdx.x);
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.y) * rows_per_block;
  const std::int64_t end = min(first + rows_per_block, static_cast<std::int64_t>(n));

  float sum = 0.0f;
  if (column < c) {
    for (std::int64_t row = first + threadIdx.y; row < end; row += kWarps) {
      const std::int64_t i = row * c + column;
      sum += dy[i] * ((x[i] - mean[row]) * rstd[row]);
    }
  }

  of_warp[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || column >= c) return;
  for (int warp = 1; warp < kWarps; ++warp) sum += of_warp[warp][threadIdx.x];
  atomicAdd(&dgamma[column], sum);
}

void dgamma_solution(const float* dy, const float* x, const float* mean, const float* rstd, float* dgamma,
                     int n, int c, cudaStream_t stream) {
  check_dgamma(dy, x, mean, rstd, dgamma, n, c);
  const int rows_per_block = std::max(kRows, (n - 1) / kMostBlocks + 1);
  const dim3 block(kColumns, kWarps);
  const dim3 grid((c - 1) / kColumns + 1, (n - 1) / rows_per_block + 1);
  dgamma_kernel<<<grid, block, 0, stream>>>(dy, x, mean, rstd, dgamma, n, c, rows_per_block);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Dgamma, solution, dgamma_solution);

}  // namespace
}  // namespace wb
