// Gradient of LayerNorm's weight, a thread per column: it adds up all rows in a register.
//
// Neighboring threads read neighboring columns, so each warp reads whole sectors. No other thread adds to
// this column: neither atomics nor barriers, and the same bits in every run. But there are only C threads:
// 768 columns are 3 blocks, and the other multiprocessors are idle while each thread waits for N loads.
//
// 8 bytes per element, 4 FLOPs. Next: dgamma_atomics_per_row.cu has a thread per element.
#include <cstdint>

#include "04_layernorm/dgamma.h"
#include "04_layernorm/dgamma_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void dgamma_column_loop_kernel(const float* dy,    // (N, C)
                                          const float* x,     // (N, C)
                                          const float* mean,  // (N)
                                          const float* rstd,  // (N)
                                          float* dgamma,      // (C)
                                          int n, int c) {
  const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (column >= c) return;
  float sum = 0.0f;
  for (std::int64_t row = 0; row < n; ++row) {
    const std::int64_t i = row * c + column;
    sum += dy[i] * ((x[i] - mean[row]) * rstd[row]);
  }
  dgamma[column] += sum;
}

void dgamma_column_loop(const float* dy, const float* x, const float* mean, const float* rstd, float* dgamma,
                        int n, int c, cudaStream_t stream) {
  check_dgamma(dy, x, mean, rstd, dgamma, n, c);
  dgamma_column_loop_kernel<<<(c - 1) / kThreads + 1, kThreads, 0, stream>>>(dy, x, mean, rstd, dgamma, n, c);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Dgamma, column_loop, dgamma_column_loop);

}  // namespace
}  // namespace wb
