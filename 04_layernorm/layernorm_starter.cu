// Your turn: LayerNorm and its gradient. README.md is the lesson; hints.md has hints.
//
// Fill in the TODOs in their order, and check after each:
//
//     ./workbook check 04 layernorm
//
// Every kernel has its launcher: the missing code is inside the kernels. Given to you: block_sum of chapter
// 03, and block_merge (moments.cuh), which merges the moments of all threads with your function for two.
#include <algorithm>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "04_layernorm/moments.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kFloatsPerThread = 4;  // of a row, up to 4096 columns; more in longer ones
constexpr int kStrip = 32;           // columns of a block, and warps, where columns are summed

// ---- Forward: block blockIdx.x normalizes row blockIdx.x ----

struct MergeMoments {
  // The moments of both sets of values together.
  __device__ Moments operator()(const Moments& a, const Moments& b) const {
    Moments both = {a.count + b.count, 0.0f, 0.0f};
    // TODO 2: The mean of both sets: from a.mean, move toward b.mean by b's share of the count.
    //         One set may be empty, or both: do not divide by 0.
    // TODO 4: The sum of squared deviations of both sets: the two sums, and a term that contains the
    //         difference of the means.
    return both;
  }
};

__global__ void layernorm_kernel(const float* x,      // (N, C)
                                 const float* gamma,  // (C)
                                 const float* beta,   // (C)
                                 float* y,            // (N, C)
                                 float* mean,         // (N)
                                 float* rstd,         // (N)
                                 int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);

  Moments mine = {0.0f, 0.0f, 0.0f};
  for (int i = static_cast<int>(threadIdx.x); i < c; i += static_cast<int>(blockDim.x)) {
    // TODO 1: Merge one more value into mine: a set of one, whose mean is the value. What are its squares?
  }
  const Moments row = block_merge(mine, MergeMoments{});  // now every thread has those of the whole row

  if (threadIdx.x == 0) {
    // TODO 3: One thread stores the row's mean.
    // TODO 5: It also stores rstd = 1 / sqrt(variance + epsilon). The variance divides by the count.
  }

  // TODO 6: Normalize the columns that this thread read: y = (x - mean) * rstd * gamma + beta.
}

void layernorm_forward_starter(const float* x, const float* gamma, const float* beta, float* y, float* mean,
                               float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  const int threads = threads_for_row(c, kFloatsPerThread);
  layernorm_kernel<<<n, threads, 0, stream>>>(x, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

// ---- Backward: dx, block blockIdx.x differentiates row blockIdx.x ----

__global__ void layernorm_dx_kernel(const float* dy,     // (N, C)
                                    const float* x,      // (N, C)
                                    const float* gamma,  // (C)
                                    const float* mean,   // (N)
                                    const float* rstd,   // (N)
                                    float* dx,           // (N, C)
                                    int c) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const float row_mean = mean[blockIdx.x], row_rstd = rstd[blockIdx.x];

  float sum = 0.0f;  // of g = dy * gamma
  float dot = 0.0f;  // of g * xhat, xhat = (x - mean) * rstd
  // TODO 7: Add up both over the columns of this thread.
  const float mean_g = block_sum(sum) / static_cast<float>(c);
  const float mean_dot = block_sum(dot) / static_cast<float>(c);

  // TODO 8: dx = rstd * (g - mean_g - xhat * mean_dot), for the columns of this thread.
}

// ---- Backward: dgamma and dbeta, in two stages ----

// The sum down each column over the warps of a block of dim3(kStrip, kStrip), for the threads with
// threadIdx.y == 0.
__device__ float sum_over_warps(float value) {
  __shared__ float of_warp[kStrip][kStrip];
  __syncthreads();
  of_warp[threadIdx.y][threadIdx.x] = value;
  __syncthreads();
  float sum = 0.0f;
  for (int warp = 0; warp < kStrip; ++warp) sum += of_warp[warp][threadIdx.x];
  return sum;
}

// Stage 1. Block (strip, chunk) adds up 32 columns over the rows of its chunk.
__global__ void sum_chunks_kernel(const float* dy,    // (N, C)
                                  const float* x,     // (N, C)
                                  const float* mean,  // (N)
                                  const float* rstd,  // (N)
                                  float* partials,    // (2, gridDim.y, C): of dgamma, then of dbeta
                                  int n, int c, int rows_per_chunk) {
  const int column = static_cast<int>(blockIdx.x * kStrip + threadIdx.x);
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.y) * rows_per_chunk;
  const std::int64_t end = min(first + rows_per_chunk, static_cast<std::int64_t>(n));

  float dgamma_sum = 0.0f, dbeta_sum = 0.0f;
  if (column < c) {
    // TODO 9: Add up dy * xhat and dy. This thread takes rows first + threadIdx.y, then every kStrip-th.
  }
  dgamma_sum = sum_over_warps(dgamma_sum);
  dbeta_sum = sum_over_warps(dbeta_sum);
  if (threadIdx.y == 0 && column < c) {
    const std::int64_t chunk = blockIdx.y, chunks = gridDim.y;
    partials[chunk * c + column] = dgamma_sum;
    partials[(chunks + chunk) * c + column] = dbeta_sum;
  }
}

// Stage 2, one thread a column: it adds the sums of all chunks to the parameter's gradient.
__global__ void add_chunks_kernel(const float* partials,  // (2, chunks, C)
                                  float* dgamma,          // (C)
                                  float* dbeta,           // (C)
                                  int chunks, int c) {
  const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (column >= c) return;
  // TODO 10: Add up this column of both halves of partials. Gradients of parameters accumulate: what was in
  //          dgamma and dbeta before stays in the sum.
}

void layernorm_backward_starter(const float* dy, const float* x, const float* gamma, const float* mean,
                                const float* rstd, float* dx, float* dgamma, float* dbeta, float* scratch,
                                int n, int c, cudaStream_t stream) {
  check_layernorm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta, scratch, n, c);
  const int threads = threads_for_row(c, kFloatsPerThread);
  layernorm_dx_kernel<<<n, threads, 0, stream>>>(dy, x, gamma, mean, rstd, dx, c);
  WB_CHECK_LAUNCH();

  const int rows_per_chunk = std::max(kStrip, (n - 1) / kLayernormPartials + 1);
  const int chunks = (n - 1) / rows_per_chunk + 1;  // at most kLayernormPartials, and at most N
  const dim3 grid((c - 1) / kStrip + 1, chunks);
  sum_chunks_kernel<<<grid, dim3(kStrip, kStrip), 0, stream>>>(dy, x, mean, rstd, scratch, n, c,
                                                               rows_per_chunk);
  WB_CHECK_LAUNCH();
  add_chunks_kernel<<<(c - 1) / 256 + 1, 256, 0, stream>>>(scratch, dgamma, dbeta, chunks, c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormForward, starter, layernorm_forward_starter);
WB_REGISTER(LayernormBackward, starter, layernorm_backward_starter);

}  // namespace wb
