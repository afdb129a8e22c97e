// RMSNorm and its gradient with one thread per row: the formula as a loop.
//
// Threads share nothing: there is no barrier and no shuffle. On a GPU this mapping is slow. In each step the
// 32 threads of a warp read 32 different rows, and a request touches 32 sectors. Besides, N threads are too
// few for a GPU. On the CPU device, where each barrier switches the stacks of all threads and a thread's row
// is in the cache, this is the fastest implementation.
//
// Forward, and dx: a thread reads its row twice, the second time from the cache. A pack is 16 bytes if the
// rows allow it. Each position of the pack has its own partial sum, so that an addition does not wait for the
// previous one. dweight: one thread per column and slice of kSliceRows rows (neighboring threads own
// neighboring columns, so these loads coalesce). The sums of the slices are stored in scratch, and a second
// launch adds them. Every run gives the same bits.
//
// T is the type in memory, float or bf16; arithmetic is float. 9 FLOPs per element backward, 4 forward.
// Read next: rmsnorm_solution.cu, where a row belongs to a block.
#include <algorithm>
#include <cstdint>

#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/float_pack.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 32;
constexpr int kSliceRows = 64;
constexpr int kRun = 64;  // packs whose sum is taken before it joins the row's: long rows keep their digits

__device__ int global_index() {
  return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

template <int kWidth>
__device__ float sum_of(const Pack<kWidth>& pack) {
  float sum = 0.0f;
  for (const float value : pack.values) sum += value;
  return sum;
}

template <int kWidth, class T>
__global__ void rmsnorm_rows_kernel(const T* x,       // (N, C)
                                    const T* weight,  // (C)
                                    T* y,             // (N, C)
                                    float* rstd,      // (N)
                                    int n, int c, float epsilon) {
  const int row = global_index();
  if (row >= n) return;
  const std::int64_t start = row * static_cast<std::int64_t>(c);
  const auto* in = reinterpret_cast<const Pack<kWidth, T>*>(x + start);
  const auto* weights = reinterpret_cast<const Pack<kWidth, T>*>(weight);
  auto* out = reinterpret_cast<Pack<kWidth, T>*>(y + start);

  const int packs = c / kWidth;
  float squares = 0.0f;
  for (int begin = 0; begin < packs; begin += kRun) {
    Pack<kWidth> sums = {};
    for (int i = begin; i < min(begin + kRun, packs); ++i) {
      const Pack<kWidth> xs = as_floats(in[i]);
      for (int j = 0; j < kWidth; ++j) sums.values[j] += xs.values[j] * xs.values[j];
    }
    squares += sum_of(sums);
  }
  const float row_rstd = rsqrtf(squares / static_cast<float>(c) + epsilon);
  rstd[row] = row_rstd;
  for (int i = 0; i < packs; ++i) {
    Pack<kWidth> ys = as_floats(in[i]);
    const Pack<kWidth> ws = as_floats(weights[i]);
    for (int j = 0; j < kWidth; ++j) ys.values[j] *= row_rstd * ws.values[j];
    out[i] = rounded_to<T>(ys);
  }
}

// With g = dy weight: dx = rstd (g - x rstd^2 mean over c of (g x)).
template <int kWidth, class T>
__global__ void rmsnorm_backward_rows_kernel(const T* dy,        // (N, C)
                                             const T* x,         // (N, C)
                                             const T* weight,    // (C)
                                             const float* rstd,  // (N)
                                             T* dx,              // (N, C)
                                             int n, int c) {
  const int row = global_index();
  if (row >= n) return;
  const std::int64_t start = row * static_cast<std::int64_t>(c);
  const auto* dys = reinterpret_cast<const Pack<kWidth, T>*>(dy + start);
  const auto* xs = reinterpret_cast<const Pack<kWidth, T>*>(x + start);
  const auto* ws = reinterpret_cast<const Pack<kWidth, T>*>(weight);
  auto* out = reinterpret_cast<Pack<kWidth, T>*>(dx + start);

  const int packs = c / kWidth;
  float products = 0.0f;
  for (int begin = 0; begin < packs; begin += kRun) {
    Pack<kWidth> sums = {};
    for (int i = begin; i < min(begin + kRun, packs); ++i) {
      const Pack<kWidth> d = as_floats(dys[i]), w = as_floats(ws[i]), v = as_floats(xs[i]);
      for (int j = 0; j < kWidth; ++j) sums.values[j] += d.values[j] * w.values[j] * v.values[j];
    }
    products += sum_of(sums);
  }
  const float row_rstd = rstd[row];
  const float factor = products * row_rstd * row_rstd / static_cast<float>(c);
  for (int i = 0; i < packs; ++i) {
    const Pack<kWidth> d = as_floats(dys[i]), w = as_floats(ws[i]), v = as_floats(xs[i]);
    Pack<kWidth> result;
    for (int j = 0; j < kWidth; ++j) {
      result.values[j] = row_rstd * (d.values[j] * w.values[j] - v.values[j] * factor);
    }
    out[i] = rounded_to<T>(result);
  }
}

// blockIdx.y is the slice: rows of the slice, one after the other.
template <class T>
__global__ void rmsnorm_dweight_columns_kernel(const T* dy,        // (N, C)
                                               const T* x,         // (N, C)
                                               const float* rstd,  // (N)
                                               float* partials,    // (gridDim.y, C)
                                               int n, int c, int slice_rows) {
  const int column = global_index();
  if (column >= c) return;
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.y) * slice_rows;
  const std::int64_t last = min(first + slice_rows, static_cast<std::int64_t>(n));
  float sum = 0.0f;
  for (std::int64_t row = first; row < last; ++row) {
    sum += to_float(dy[row * c + column]) * to_float(x[row * c + column]) * rstd[row];
  }
  partials[blockIdx.y * static_cast<std::int64_t>(c) + column] = sum;
}

__global__ void rmsnorm_add_slices_kernel(const float* partials,  // (slices, C)
                                          float* dweight,         // (C)
                                          int slices, int c) {
  const int column = global_index();
  if (column >= c) return;
  float sum = 0.0f;
  for (int slice = 0; slice < slices; ++slice) sum += partials[slice * static_cast<std::int64_t>(c) + column];
  dweight[column] += sum;
}

unsigned blocks_for(int threads) {
  return static_cast<unsigned>((threads - 1) / kThreads + 1);
}

template <class T>
void rmsnorm_forward_thread_per_row(const T* x, const T* weight, T* y, float* rstd, int n, int c,
                                    float epsilon, cudaStream_t stream) {
  check_rmsnorm_forward(x, weight, y, rstd, n, c, epsilon);
  constexpr int kWide = 16 / sizeof(T);
  const auto kernel =
      rows_fit_pack<kWide>(c, x, weight, y) ? rmsnorm_rows_kernel<kWide, T> : rmsnorm_rows_kernel<1, T>;
  kernel<<<blocks_for(n), kThreads, 0, stream>>>(x, weight, y, rstd, n, c, epsilon);
  WB_CHECK_LAUNCH();
}

template <class T>
void rmsnorm_backward_thread_per_row(const T* dy, const T* x, const T* weight, const float* rstd, T* dx,
                                     float* dweight, float* scratch, int n, int c, cudaStream_t stream) {
  check_rmsnorm_backward(dy, x, weight, rstd, dx, dweight, scratch, n, c);
  constexpr int kWide = 16 / sizeof(T);
  const auto rows = rows_fit_pack<kWide>(c, dy, x, weight, dx) ? rmsnorm_backward_rows_kernel<kWide, T>
                                                               : rmsnorm_backward_rows_kernel<1, T>;
  rows<<<blocks_for(n), kThreads, 0, stream>>>(dy, x, weight, rstd, dx, n, c);
  WB_CHECK_LAUNCH();
  // Scratch has room for kRmsnormPartials slices: many rows make them longer.
  const int slice_rows = std::max(kSliceRows, (n - 1) / kRmsnormPartials + 1);
  const int slices = (n - 1) / slice_rows + 1;
  const dim3 grid(blocks_for(c), static_cast<unsigned>(slices));
  rmsnorm_dweight_columns_kernel<<<grid, kThreads, 0, stream>>>(dy, x, rstd, scratch, n, c, slice_rows);
  WB_CHECK_LAUNCH();
  rmsnorm_add_slices_kernel<<<blocks_for(c), kThreads, 0, stream>>>(scratch, dweight, slices, c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RmsnormForward, thread_per_row, rmsnorm_forward_thread_per_row<float>);
WB_REGISTER(RmsnormBackward, thread_per_row, rmsnorm_backward_thread_per_row<float>);
WB_REGISTER(RmsnormForwardBf16, thread_per_row, rmsnorm_forward_thread_per_row<bf16>);
WB_REGISTER(RmsnormBackwardBf16, thread_per_row, rmsnorm_backward_thread_per_row<bf16>);

}  // namespace wb
