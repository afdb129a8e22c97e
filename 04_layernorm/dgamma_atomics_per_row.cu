// Gradient of LayerNorm's weight, a thread per element: N atomic additions to each column.
//
// All multiprocessors have work. But the N additions to one address are carried out one after the other in
// the L2 cache, in an order that changes from run to run. And each of them rounds: a term that is small
// beside what dgamma already holds is lost, every time.
//
// 8 bytes per element, 4 FLOPs, one atomic addition per element. Next: dgamma_solution.cu adds up first.
#include <cstdint>

#include "04_layernorm/dgamma.h"
#include "04_layernorm/dgamma_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kColumns = 32, kWarps = 8;
constexpr unsigned kMostBlocks = 65535;  // in y, by CUDA's limit

// Warp threadIdx.y of block (strip, b) takes row b * kWarps + threadIdx.y; past 524,280 rows it takes more.
__global__ void dgamma_atomics_per_row_kernel(const float* dy,    // (N, C)
                                              const float* x,     // (N, C)
                                              const float* mean,  // (N)
                                              const float* rstd,  // (N)
                                              float* dgamma,      // (C)
                                              int n, int c) {
  const int column = static_cast<int>(blockIdx.x) * kColumns + static_cast<int>(threadIdx.x);
  if (column >= c) return;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.y) * kWarps;
  for (std::int64_t row = static_cast<std::int64_t>(blockIdx.y) * kWarps + threadIdx.y; row < n;
       row += step) {
    const std::int64_t i = row * c + column;
    atomicAdd(&dgamma[column], dy[i] * ((x[i] - mean[row]) * rstd[row]));
  }
}

void dgamma_atomics_per_row(const float* dy, const float* x, const float* mean, const float* rstd,
                            float* dgamma, int n, int c, cudaStream_t stream) {
  check_dgamma(dy, x, mean, rstd, dgamma, n, c);
  const unsigned wanted = static_cast<unsigned>((n - 1) / kWarps) + 1;
  const dim3 grid((c - 1) / kColumns + 1, wanted < kMostBlocks ? wanted : kMostBlocks);
  dgamma_atomics_per_row_kernel<<<grid, dim3(kColumns, kWarps), 0, stream>>>(dy, x, mean, rstd, dgamma, n, c);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Dgamma, atomics_per_row, dgamma_atomics_per_row);

}  // namespace
}  // namespace wb
