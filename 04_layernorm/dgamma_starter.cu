// Your turn: the gradient of LayerNorm's weight. dgamma.md is the lesson; hints.md has hints.
//
// The four TODOs are four versions of one kernel: each replaces the one before. Check after each:
//
//     ./workbook check 04 dgamma
#include <cstdint>

#include "04_layernorm/dgamma.h"
#include "04_layernorm/dgamma_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kColumns = 32;  // of a block, from one thread to the next: threadIdx.x
constexpr int kWarps = 8;     // of a block, from step 2 on: threadIdx.y
constexpr int kRows = 256;    // of a block, from step 3 on

__global__ void dgamma_kernel(const float* dy,    // (N, C)
                              const float* x,     // (N, C)
                              const float* mean,  // (N)
                              const float* rstd,  // (N)
                              float* dgamma,      // (C)
                              int n, int c) {
  const int column = static_cast<int>(blockIdx.x) * kColumns + static_cast<int>(threadIdx.x);
  if (column >= c) return;

  // TODO 1: One thread for each column: add up dy * (x - mean) * rstd over all rows in a register, and add
  //         the sum to dgamma[column]. An index of row * c + column can be larger than an int.

  // TODO 2: One thread for each element instead: its row is blockIdx.y * kWarps + threadIdx.y, and many
  //         threads add to dgamma[column] at the same time.

  // TODO 3: kRows rows for each block: a thread adds up every kWarps-th of them in a register, and adds to
  //         dgamma[column] once.

  // TODO 4: One addition for each block and column: the warps put their sums into shared memory, and the
  //         first warp adds them up.
}

void dgamma_starter(const float* dy, const float* x, const float* mean, const float* rstd, float* dgamma,
                    int n, int c, cudaStream_t stream) {
  check_dgamma(dy, x, mean, rstd, dgamma, n, c);
  // TODO 2 also: blocks of dim3(kColumns, kWarps) threads, and enough of them in y for n rows.
  const dim3 block(kColumns);
  const dim3 grid((c - 1) / kColumns + 1);
  dgamma_kernel<<<grid, block, 0, stream>>>(dy, x, mean, rstd, dgamma, n, c);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Dgamma, starter, dgamma_starter);

}  // namespace
}  // namespace wb
