// Your turn: a residual addition and RMSNorm, in one launch. README.md is the lesson; hints.md has hints.
//
// Fill in the TODOs in their order, and check after each:
//
//     ./workbook check 05 residual_rmsnorm
//
// Given to you: packs (float_pack.cuh, rmsnorm_row.cuh) and the launcher.
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "05_rmsnorm_rope/residual_rmsnorm.h"
#include "05_rmsnorm_rope/residual_rmsnorm_check.h"
#include "05_rmsnorm_rope/rmsnorm_row.cuh"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kFloatsPerThread = 8;  // of a row, up to 8192 columns; more in longer ones

// Block blockIdx.x does row blockIdx.x. A pack is four floats where the rows allow it, else one.
template <int kWidth>
__global__ void __launch_bounds__(1024) residual_rmsnorm_kernel(const float* x,         // (N, C)
                                                                const float* residual,  // (N, C)
                                                                const float* weight,    // (C)
                                                                float* sum,             // (N, C)
                                                                float* y,               // (N, C)
                                                                float* rstd,            // (N)
                                                                int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const auto* xs = reinterpret_cast<const Pack<kWidth>*>(x + start);
  const auto* residuals = reinterpret_cast<const Pack<kWidth>*>(residual + start);
  const auto* weights = reinterpret_cast<const Pack<kWidth>*>(weight);
  auto* sums = reinterpret_cast<Pack<kWidth>*>(sum + start);
  auto* out = reinterpret_cast<Pack<kWidth>*>(y + start);
  const int packs = c / kWidth;

  float squares = 0.0f;
  // TODO 1: Over this thread's packs (threadIdx.x, then every blockDim.x-th): load xs[i], add the values of
  //         residuals[i] to its values, store it into sums[i].

  // TODO 2: In the same loop, add sum_of_squares of that pack to squares. Then the row's rstd, as in rmsnorm;
  //         one thread stores it.

  // TODO 3: Over the same packs: out[i] = scaled(sums[i], the row's rstd, weights[i]). Each thread reads back
  //         what it has stored itself, so no barrier is needed.
  //         If you want more: keep the sums in registers instead, in an array of packs and unrolled loops.
}

void residual_rmsnorm_starter(const float* x, const float* residual, const float* weight, float* sum,
                              float* y, float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  check_residual_rmsnorm(x, residual, weight, sum, y, rstd, n, c, epsilon);
  const int threads = threads_for_row(c, kFloatsPerThread);
  const auto kernel = rows_fit_pack4(c, x, residual, weight, sum, y) ? residual_rmsnorm_kernel<4>
                                                                     : residual_rmsnorm_kernel<1>;
  kernel<<<n, threads, 0, stream>>>(x, residual, weight, sum, y, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(ResidualRmsnormForward, starter, residual_rmsnorm_starter);

}  // namespace wb
