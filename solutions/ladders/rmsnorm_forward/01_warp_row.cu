// Rung 1: one warp per row, so that no warp waits at a barrier.
//
// Idea: 32 lanes share a row, and a block of 8 warps has 8 rows. The lanes combine their values by shuffles
// alone, without shared memory and without __syncthreads. A warp reads its row twice, 4 loads of 16 bytes per
// lane at a time: first for the squares, then to write.
//
// Limited before: the barriers of chapter 05's solution.
// Limits now: the second read: the 64 rows in flight in a multiprocessor are as much as its L1 cache holds
// from 1024 columns on, and from 8192 columns on those of all multiprocessors are more than the L2 cache
// holds, so that memory delivers them twice.
// Uses: 27 to 57 registers, no shared memory.
// Costs in clarity: none: it is the formula.
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rmsnorm_forward/rmsnorm_row.cuh"

namespace wb {
namespace {

constexpr int kRows = 8;  // of a block: a warp each

template <class Shape, class T>
__global__ void __launch_bounds__(kWarp* kRows) warp_row(ladder::RmsnormArguments<T> arguments, int n) {
  const std::int64_t row = blockIdx.x * static_cast<std::int64_t>(kRows) + threadIdx.y;
  if (row < n) ladder::walk_rmsnorm<Shape>(arguments, row);
}

template <class T>
void rmsnorm_warp_row(const T* x, const T* weight, T* y, float* rstd, int n, int c, float epsilon,
                      cudaStream_t stream) {
  check_rmsnorm_forward(x, weight, y, rstd, n, c, epsilon);
  const ladder::RmsnormArguments<T> arguments = {x, weight, y, rstd, c, epsilon};
  const bool wide = rows_fit_pack<16 / sizeof(T)>(c, x, weight, y);
  auto* kernel =
      wide ? warp_row<ladder::Chunk<T, kWarp, true>, T> : warp_row<ladder::Chunk<T, kWarp, false>, T>;
  kernel<<<(n - 1) / kRows + 1, dim3(kWarp, kRows), 0, stream>>>(arguments, n);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RmsnormForward, warp_row, rmsnorm_warp_row<float>);
WB_REGISTER(RmsnormForwardBf16, warp_row, rmsnorm_warp_row<bf16>);

}  // namespace wb
