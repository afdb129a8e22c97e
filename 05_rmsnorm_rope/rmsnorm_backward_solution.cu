// Gradient of RMSNorm: dx row by row, dweight column by column.
//
// With xhat = x rstd and g = dy weight:
//   dx[i, c]   = rstd[i] (g[i, c] - xhat[i, c] * mean over c of (g xhat))   the mean is what rstd's own
//                                                                           dependence on x contributes
//   dweight[c] += sum over i of dy[i, c] xhat[i, c]
//
// dx is one block per row, as the forward pass. dweight sums over rows, which belong to different blocks.
// Atomic additions would do, but in another order in every run. So: two stages. First, each block sums a
// strip of 32 columns over a chunk of rows into scratch; then a second launch adds the chunks' sums. No
// atomics, and the same bits in every run.
//
// 20 bytes an element: dy and x are read by both halves, dx is written; scratch is small beside it.
#include <algorithm>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "05_rmsnorm_rope/column_sum.cuh"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kFloatsPerThread = 8;       // of a row in dx, up to 8192 columns; more in longer ones
constexpr int kSmallestChunkOfRows = 32;  // in dweight: 4 for each warp of a block

template <int kWidth>
__global__ void __launch_bounds__(1024) rmsnorm_dx_kernel(const float* dy,      // (N, C)
                                                          const float* x,       // (N, C)
                                                          const float* weight,  // (C)
                                                          const float* rstd,    // (N)
                                                          float* dx,            // (N, C)
                                                          int c) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const auto* dy_row = reinterpret_cast<const Pack<kWidth>*>(dy + start);
  const auto* x_row = reinterpret_cast<const Pack<kWidth>*>(x + start);
  const auto* weights = reinterpret_cast<const Pack<kWidth>*>(weight);
  auto* dx_row = reinterpret_cast<Pack<kWidth>*>(dx + start);
  const int packs = c / kWidth;
  const float row_rstd = rstd[blockIdx.x];

  float dot = 0.0f;  // of g and xhat
#pragma unroll 4
  for (std::int64_t i = threadIdx.x; i < packs; i += blockDim.x) {
    const Pack<kWidth> dys = dy_row[i];
    const Pack<kWidth> xs = x_row[i];
    const Pack<kWidth> ws = weights[i];
    for (int j = 0; j < kWidth; ++j) dot += dys.values[j] * ws.values[j] * (xs.values[j] * row_rstd);
  }
  const float mean = block_sum(dot) / static_cast<float>(c);

#pragma unroll 4
  for (std::int64_t i = threadIdx.x; i < packs; i += blockDim.x) {
    const Pack<kWidth> dys = dy_row[i];
    const Pack<kWidth> xs = x_row[i];
    const Pack<kWidth> ws = weights[i];
    Pack<kWidth> dxs;
    for (int j = 0; j < kWidth; ++j) {
      dxs.values[j] = row_rstd * (dys.values[j] * ws.values[j] - xs.values[j] * row_rstd * mean);
    }
    dx_row[i] = dxs;
  }
}

// Block (strip, chunk) sums 32 columns over the rows of its chunk.
__global__ void rmsnorm_dweight_chunks_kernel(const float* dy,    // (N, C)
                                              const float* x,     // (N, C)
                                              const float* rstd,  // (N)
                                              float* chunk_sums,  // (chunks, C)
                                              int n, int c, int rows_per_chunk) {
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kStripColumns + threadIdx.x;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.y) * rows_per_chunk;
  const std::int64_t end = first + rows_per_chunk < n ? first + rows_per_chunk : n;

  float sum = 0.0f;
  if (column < c) {
#pragma unroll 4
    for (std::int64_t row = first + threadIdx.y; row < end; row += kStripRows) {
      const std::int64_t i = row * c + column;
      sum += dy[i] * (x[i] * rstd[row]);
    }
  }
  sum = sum_over_strip_rows(sum);
  if (threadIdx.y == 0 && column < c) chunk_sums[static_cast<std::int64_t>(blockIdx.y) * c + column] = sum;
}

__global__ void rmsnorm_dweight_kernel(const float* chunk_sums,  // (chunks, C)
                                       float* dweight,           // (C)
                                       int chunks, int c) {
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kStripColumns + threadIdx.x;
  float sum = 0.0f;
  if (column < c) {
#pragma unroll 4
    for (std::int64_t chunk = threadIdx.y; chunk < chunks; chunk += kStripRows) {
      sum += chunk_sums[chunk * c + column];
    }
  }
  sum = sum_over_strip_rows(sum);
  if (threadIdx.y == 0 && column < c) dweight[column] += sum;
}

void rmsnorm_backward_solution(const float* dy, const float* x, const float* weight, const float* rstd,
                               float* dx, float* dweight, float* scratch, int n, int c, cudaStream_t stream) {
  check_rmsnorm_backward(dy, x, weight, rstd, dx, dweight, scratch, n, c);
  const int threads = threads_for_row(c, kFloatsPerThread);
  if (rows_fit_pack4(c, dy, x, weight, dx)) {
    rmsnorm_dx_kernel<4><<<n, threads, 0, stream>>>(dy, x, weight, rstd, dx, c);
  } else {
    rmsnorm_dx_kernel<1><<<n, threads, 0, stream>>>(dy, x, weight, rstd, dx, c);
  }
  WB_CHECK_LAUNCH();

  const int rows_per_chunk = std::max(kSmallestChunkOfRows, (n - 1) / kRmsnormPartials + 1);
  const int chunks = (n - 1) / rows_per_chunk + 1;  // at most kRmsnormPartials
  const int strips = (c - 1) / kStripColumns + 1;
  const dim3 block(kStripColumns, kStripRows);
  rmsnorm_dweight_chunks_kernel<<<dim3(strips, chunks), block, 0, stream>>>(dy, x, rstd, scratch, n, c,
                                                                            rows_per_chunk);
  WB_CHECK_LAUNCH();
  rmsnorm_dweight_kernel<<<strips, block, 0, stream>>>(scratch, dweight, chunks, c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RmsnormBackward, solution, rmsnorm_backward_solution);

}  // namespace wb
