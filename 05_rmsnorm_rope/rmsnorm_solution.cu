// RMSNorm, one block per row, in one launch.
//
// Thread t takes packs t, t + blockDim.x, ... of the row: neighbouring threads read neighbouring packs. The
// first pass sums squares; the block adds them up (chapter 03); the second pass scales. The row's second
// reading comes from the caches, where the first has left it. A pack is 16 bytes where rows and weight allow
// it, else 4.
//
// 8 bytes and 4 FLOPs an element: memory decides the speed, so doing all in one launch is what counts.
// rmsnorm_unfused.cu does the same arithmetic in five launches and moves 28 bytes an element.
// Read next: rmsnorm_backward_solution.cu.
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kFloatsPerThread = 8;  // in rows up to 8192 columns; more in longer ones

template <int kWidth>
__global__ void __launch_bounds__(1024) rmsnorm_forward_kernel(const float* x,       // (N, C)
                                                               const float* weight,  // (C)
                                                               float* y,             // (N, C)
                                                               float* rstd,          // (N)
                                                               int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const auto* x_row = reinterpret_cast<const Pack<kWidth>*>(x + start);
  const auto* weights = reinterpret_cast<const Pack<kWidth>*>(weight);
  auto* y_row = reinterpret_cast<Pack<kWidth>*>(y + start);
  const int packs = c / kWidth;

  float squares = 0.0f;
#pragma unroll 4
  for (std::int64_t i = threadIdx.x; i < packs; i += blockDim.x) {
    const Pack<kWidth> xs = x_row[i];
    for (const float value : xs.values) squares += value * value;
  }
  const float row_rstd = rsqrtf(block_sum(squares) / static_cast<float>(c) + epsilon);
  if (threadIdx.x == 0) rstd[blockIdx.x] = row_rstd;

#pragma unroll 4
  for (std::int64_t i = threadIdx.x; i < packs; i += blockDim.x) {
    Pack<kWidth> ys = x_row[i];
    const Pack<kWidth> ws = weights[i];
    for (int j = 0; j < kWidth; ++j) ys.values[j] *= row_rstd * ws.values[j];
    y_row[i] = ys;
  }
}

void rmsnorm_forward_solution(const float* x, const float* weight, float* y, float* rstd, int n, int c,
                              float epsilon, cudaStream_t stream) {
  check_rmsnorm_forward(x, weight, y, rstd, n, c, epsilon);
  const int threads = threads_for_row(c, kFloatsPerThread);
  if (rows_fit_pack4(c, x, weight, y)) {
    rmsnorm_forward_kernel<4><<<n, threads, 0, stream>>>(x, weight, y, rstd, c, epsilon);
  } else {
    rmsnorm_forward_kernel<1><<<n, threads, 0, stream>>>(x, weight, y, rstd, c, epsilon);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RmsnormForward, solution, rmsnorm_forward_solution);

}  // namespace wb
