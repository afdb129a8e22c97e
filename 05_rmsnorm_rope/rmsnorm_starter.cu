// Your turn: RMSNorm and its gradient. README.md is the lesson; hints.md has hints.
//
// Fill in the TODOs in their order, and check after each:
//
//     ./workbook check 05 rmsnorm
//
// Every kernel has its launcher: the missing code is inside the kernels. Given to you: block_sum of chapter
// 03, which adds up one number from each thread of a block and returns the sum to all of them.
#include <algorithm>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kFloatsPerThread = 4;  // of a row, up to 4096 columns; more in longer ones

// ---- Forward: block blockIdx.x normalizes row blockIdx.x ----

__global__ void rmsnorm_kernel(const float* x,       // (N, C)
                               const float* weight,  // (C)
                               float* y,             // (N, C)
                               float* rstd,          // (N)
                               int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);

  float squares = 0.0f;
  // TODO 1: Add up the squares of this thread's columns: threadIdx.x, then every blockDim.x-th, below c.

  float row_rstd = 0.0f;
  // TODO 2: Add up all threads' squares by block_sum, divide by C, and take 1 / sqrt of that plus epsilon.
  //         Then one thread stores it as this row's rstd.

  // TODO 3: y = x * row_rstd * weight, for this thread's columns.
}

void rmsnorm_forward_starter(const float* x, const float* weight, float* y, float* rstd, int n, int c,
                             float epsilon, cudaStream_t stream) {
  check_rmsnorm_forward(x, weight, y, rstd, n, c, epsilon);
  const int threads = threads_for_row(c, kFloatsPerThread);
  rmsnorm_kernel<<<n, threads, 0, stream>>>(x, weight, y, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

// ---- Backward: block blockIdx.x takes rows blockIdx.x, blockIdx.x + gridDim.x, ... ----

// dx of those rows, and what they add to dweight.
__global__ void rmsnorm_rows_kernel(const float* dy,      // (N, C)
                                    const float* x,       // (N, C)
                                    const float* weight,  // (C)
                                    const float* rstd,    // (N)
                                    float* dx,            // (N, C)
                                    float* partials,      // (gridDim.x, C): a row of sums for each block
                                    int n, int c) {
  float* my_partials = partials + blockIdx.x * static_cast<std::int64_t>(c);
  for (int i = static_cast<int>(threadIdx.x); i < c; i += static_cast<int>(blockDim.x)) my_partials[i] = 0.0f;

  for (std::int64_t row = blockIdx.x; row < n; row += gridDim.x) {
    const std::int64_t start = row * c;
    const float row_rstd = rstd[row];

    float dot = 0.0f;
    // TODO 4: Add up g * xhat over this thread's columns: g = dy * weight, xhat = x * row_rstd.
    const float mean = block_sum(dot) / static_cast<float>(c);

    // TODO 5: dx = row_rstd * (g - xhat * mean), for this thread's columns.

    // TODO 6: In the same loop, while dy and x are loaded: add dy * xhat to this column's my_partials. No
    //         other thread of the grid has this column of this block's row of sums.
  }
}

// One thread a column: it adds the sums of all blocks to the gradient.
__global__ void add_partials_kernel(const float* partials,  // (blocks, C)
                                    float* dweight,         // (C)
                                    int blocks, int c) {
  const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (column >= c) return;
  // TODO 7: Add up this column of partials. Gradients of parameters accumulate: what was in dweight before
  //         stays in the sum.
}

void rmsnorm_backward_starter(const float* dy, const float* x, const float* weight, const float* rstd,
                              float* dx, float* dweight, float* scratch, int n, int c, cudaStream_t stream) {
  check_rmsnorm_backward(dy, x, weight, rstd, dx, dweight, scratch, n, c);
  const int threads = threads_for_row(c, kFloatsPerThread);
  const int blocks = std::min(n, kRmsnormPartials);
  rmsnorm_rows_kernel<<<blocks, threads, 0, stream>>>(dy, x, weight, rstd, dx, scratch, n, c);
  WB_CHECK_LAUNCH();
  add_partials_kernel<<<(c - 1) / 256 + 1, 256, 0, stream>>>(scratch, dweight, blocks, c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RmsnormForward, starter, rmsnorm_forward_starter);
WB_REGISTER(RmsnormBackward, starter, rmsnorm_backward_starter);

}  // namespace wb
