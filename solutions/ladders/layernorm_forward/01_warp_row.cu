// Rung 1: one warp per row, so that no warp waits at a barrier.
//
// Idea: 32 lanes share a row, and a block of 8 warps has 8 rows. The lanes combine their values by shuffles
// alone, without shared memory and without __syncthreads. A warp reads its row twice, 4 loads of 16 bytes per
// lane at a time: first for mean and squared deviations (the merge of chapter 04), then to write.
//
// Limited before: the barriers of chapter 04's solution.
// Limits now: the second read: the 64 rows in flight in a multiprocessor are as much as its L1 cache holds
// from 1024 columns on, and from 8192 columns on those of all multiprocessors are more than the L2 cache
// holds, so that memory delivers them twice.
// Uses: 32 to 42 registers, no shared memory.
// Costs in clarity: none: it is the formula, with moments that can be merged.
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/layernorm_forward/layernorm_row.cuh"

namespace wb {
namespace {

constexpr int kRows = 8;  // of a block: a warp each

template <class Shape, class T>
__global__ void __launch_bounds__(kWarp* kRows) warp_row(ladder::LayernormArguments<T> arguments, int n) {
  const std::int64_t row = blockIdx.x * static_cast<std::int64_t>(kRows) + threadIdx.y;
  if (row < n) ladder::walk_layernorm<Shape>(arguments, row);
}

void layernorm_warp_row(const float* x, const float* gamma, const float* beta, float* y, float* mean,
                        float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  const ladder::LayernormArguments<float> arguments = {x, gamma, beta, y, mean, rstd, c, epsilon};
  const bool wide = rows_fit_pack4(c, x, gamma, beta, y);
  auto* kernel = wide ? warp_row<ladder::Chunk<float, kWarp, true>, float>
                      : warp_row<ladder::Chunk<float, kWarp, false>, float>;
  kernel<<<(n - 1) / kRows + 1, dim3(kWarp, kRows), 0, stream>>>(arguments, n);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormForward, warp_row, layernorm_warp_row);

}  // namespace wb
