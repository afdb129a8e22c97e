// RMSNorm and its gradient, one launch for each operation of the formula, as an eager framework runs it.
//
// Every launch reads its operands from memory and writes its result back, although the next launch reads it
// again. This moves 28 bytes per element forward, and the fused kernel moves 8; backward it moves 52, and the
// fused kernel 12. The contract provides no memory for intermediate results, so they are stored in the
// outputs: y holds first x^2 and then x rstd; dx holds first xhat dy and then g = dy weight; rstd holds the
// mean of squares.
//
// Except where a kernel's comment says otherwise, a block processes one row; thread t takes columns t, t +
// blockDim.x, ...
// Read next: rmsnorm_solution.cu, which does all of this in one launch.
#include <algorithm>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "05_rmsnorm_rope/column_sum.cuh"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kFloatsPerThread = 4;  // of a row, up to 4096 columns; more in longer ones
constexpr int kThreads = 256;        // where rows do not matter

__global__ void square_kernel(const float* x,  // (N, C)
                              float* out,      // (N, C)
                              int c) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  for (std::int64_t i = threadIdx.x; i < c; i += blockDim.x) out[start + i] = x[start + i] * x[start + i];
}

__global__ void row_mean_kernel(const float* x,  // (N, C)
                                float* mean,     // (N)
                                int c) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  float sum = 0.0f;
  for (std::int64_t i = threadIdx.x; i < c; i += blockDim.x) sum += x[start + i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) mean[blockIdx.x] = sum / static_cast<float>(c);
}

// One thread per row, in place.
__global__ void reciprocal_root_kernel(float* values,  // (N)
                                       int n, float epsilon) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < n) values[i] = rsqrtf(values[i] + epsilon);
}

__global__ void scale_rows_kernel(const float* x,      // (N, C)
                                  const float* scale,  // (N)
                                  float* out,          // (N, C)
                                  int c) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  for (std::int64_t i = threadIdx.x; i < c; i += blockDim.x)
    out[start + i] = x[start + i] * scale[blockIdx.x];
}

// out may be x.
__global__ void scale_columns_kernel(const float* x,      // (N, C)
                                     const float* scale,  // (C)
                                     float* out,          // (N, C)
                                     int c) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  for (std::int64_t i = threadIdx.x; i < c; i += blockDim.x) out[start + i] = x[start + i] * scale[i];
}

__global__ void multiply_into_kernel(float* x,            // (N, C)
                                     const float* other,  // (N, C)
                                     int c) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  for (std::int64_t i = threadIdx.x; i < c; i += blockDim.x) x[start + i] *= other[start + i];
}

// One block of dim3(32, 8) per strip of 32 columns, over all rows.
__global__ void add_column_sums_kernel(const float* x,  // (N, C)
                                       float* sums,     // (C)
                                       int n, int c) {
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kStripColumns + threadIdx.x;
  float sum = 0.0f;
  if (column < c) {
    for (std::int64_t row = threadIdx.y; row < n; row += kStripRows) sum += x[row * c + column];
  }
  sum = sum_over_strip_rows(sum);
  if (threadIdx.y == 0 && column < c) sums[column] += sum;
}

__global__ void row_dot_kernel(const float* x,      // (rows, C)
                               const float* other,  // (rows, C)
                               float* dot,          // (rows)
                               int c) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  float sum = 0.0f;
  for (std::int64_t i = threadIdx.x; i < c; i += blockDim.x) sum += x[start + i] * other[start + i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) dot[blockIdx.x] = sum;
}

// dx holds g: dx = rstd (g - x rstd^2 dot / C).
__global__ void subtract_mean_kernel(float* dx,          // (rows, C)
                                     const float* x,     // (rows, C)
                                     const float* rstd,  // (rows)
                                     const float* dot,   // (rows), of g and x
                                     int c) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const float scale = rstd[blockIdx.x];
  const float mean = scale * dot[blockIdx.x] / static_cast<float>(c);
  for (std::int64_t i = threadIdx.x; i < c; i += blockDim.x) {
    dx[start + i] = scale * (dx[start + i] - x[start + i] * scale * mean);
  }
}

void rmsnorm_forward_unfused(const float* x, const float* weight, float* y, float* rstd, int n, int c,
                             float epsilon, cudaStream_t stream) {
  check_rmsnorm_forward(x, weight, y, rstd, n, c, epsilon);
  const int threads = threads_for_row(c, kFloatsPerThread);
  square_kernel<<<n, threads, 0, stream>>>(x, y, c);
  WB_CHECK_LAUNCH();
  row_mean_kernel<<<n, threads, 0, stream>>>(y, rstd, c);
  WB_CHECK_LAUNCH();
  reciprocal_root_kernel<<<(n - 1) / kThreads + 1, kThreads, 0, stream>>>(rstd, n, epsilon);
  WB_CHECK_LAUNCH();
  scale_rows_kernel<<<n, threads, 0, stream>>>(x, rstd, y, c);
  WB_CHECK_LAUNCH();
  scale_columns_kernel<<<n, threads, 0, stream>>>(y, weight, y, c);
  WB_CHECK_LAUNCH();
}

void rmsnorm_backward_unfused(const float* dy, const float* x, const float* weight, const float* rstd,
                              float* dx, float* dweight, float* scratch, int n, int c, cudaStream_t stream) {
  check_rmsnorm_backward(dy, x, weight, rstd, dx, dweight, scratch, n, c);
  const int threads = threads_for_row(c, kFloatsPerThread);
  const int strips = (c - 1) / kStripColumns + 1;
  scale_rows_kernel<<<n, threads, 0, stream>>>(x, rstd, dx, c);
  WB_CHECK_LAUNCH();
  multiply_into_kernel<<<n, threads, 0, stream>>>(dx, dy, c);
  WB_CHECK_LAUNCH();
  add_column_sums_kernel<<<strips, dim3(kStripColumns, kStripRows), 0, stream>>>(dx, dweight, n, c);
  WB_CHECK_LAUNCH();
  scale_columns_kernel<<<n, threads, 0, stream>>>(dy, weight, dx, c);
  WB_CHECK_LAUNCH();

  // The dot products of the rows need a float each; scratch may hold fewer than N. Then take the rows in
  // slabs.
  const std::int64_t slab = static_cast<std::int64_t>(rmsnorm_backward_scratch(c));
  for (std::int64_t first = 0; first < n; first += slab) {
    const auto rows = static_cast<unsigned>(std::min<std::int64_t>(slab, n - first));
    const std::int64_t start = first * c;
    row_dot_kernel<<<rows, threads, 0, stream>>>(dx + start, x + start, scratch, c);
    WB_CHECK_LAUNCH();
    subtract_mean_kernel<<<rows, threads, 0, stream>>>(dx + start, x + start, rstd + first, scratch, c);
    WB_CHECK_LAUNCH();
  }
}

}  // namespace

WB_REGISTER(RmsnormForward, unfused, rmsnorm_forward_unfused);
WB_REGISTER(RmsnormBackward, unfused, rmsnorm_backward_unfused);

}  // namespace wb
