// Gradient of RMSNorm: dx along the rows and dweight down the columns, from one read of dy and x.
//
// With xhat = x rstd and g = dy weight:
//   dx[i, c]   = rstd[i] (g[i, c] - xhat[i, c] * mean over c of (g xhat))   the mean is what rstd's own
//                                                                           dependence on x contributes
//   dweight[c] += sum over i of dy[i, c] xhat[i, c]
//
// dweight sums over rows, which belong to different blocks. Atomic additions would work, but their order
// differs from run to run. Therefore the sum has two stages. A block processes many rows, one after the
// other, and adds up dweight row by row. It stores its sums in scratch, and a second launch adds those of all
// blocks. Every run gives the same bits.
//
// A block has dim3(threads of a row, rows at a time) threads: 512, however short a row is. Each warp owns a
// run of consecutive packs in every row that it processes, and lane l the packs l, l + 32, ... of the run.
// All addresses of a thread differ by constants, which saves registers. A thread keeps g and x of its packs
// in registers until the mean is known, and its sums of dweight in shared memory, where no other thread
// accesses them. With 32 columns per thread (rows above 8192) there are registers for g only, and x is read
// again, from the L2 cache.
//
// Rows wider than a block owns are cut into slices, blockIdx.y: each slice reads the whole row for its mean,
// and writes its own columns.
//
// 12 bytes per element (6 in bf16): dy and x read, dx written; scratch is small in comparison. 9 FLOPs.
// Read next: rmsnorm_unfused.cu, for what it saves.
#include <cstdint>

#include "05_rmsnorm_rope/column_sum.cuh"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_backward_launch.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "05_rmsnorm_rope/row_sum.cuh"
#include "common/core/float_pack.cuh"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace rmsnorm;

template <int kWidth>
__device__ float dot(const Pack<kWidth>& a, const Pack<kWidth>& b) {
  float sum = 0.0f;
  for (int j = 0; j < kWidth; ++j) sum += a.values[j] * b.values[j];
  return sum;
}

// The products of two packs, each times a factor.
template <int kWidth>
__device__ Pack<kWidth> product(Pack<kWidth> a, const Pack<kWidth>& b, float factor = 1.0f) {
  for (int j = 0; j < kWidth; ++j) a.values[j] *= b.values[j] * factor;
  return a;
}

template <int kWidth, int kColumns, int kMaxThreads, class T>
__global__ void __launch_bounds__(kMaxThreads, kThreadsPerMultiprocessor / kMaxThreads)
    rmsnorm_backward_kernel(const T* dy,        // (N, C)
                            const T* x,         // (N, C)
                            const T* weight,    // (C)
                            const float* rstd,  // (N)
                            T* dx,              // (N, C)
                            float* partials,    // (gridDim.x, C), of dweight
                            int n, int c) {
  constexpr int kPacks = kColumns / kWidth;
  constexpr bool kHoldX = kColumns <= kFewColumns;
  extern __shared__ Pack<8> shared[];                    // aligned for any pack
  auto* sums = reinterpret_cast<Pack<kWidth>*>(shared);  // (blockDim.y, kPacks, blockDim.x), of dweight
  const auto* weights = reinterpret_cast<const Pack<kWidth, T>*>(weight);
  const int packs = c / kWidth;
  const int begin = static_cast<int>(blockIdx.y * kPacks * blockDim.x);  // of the block's slice
  const int end = min(begin + kPacks * static_cast<int>(blockDim.x), packs);
  const int own = static_cast<int>(threadIdx.x / kWarp * kWarp * kPacks + threadIdx.x % kWarp);
  const int first_pack = begin + own;
  Pack<kWidth>* my_sums = sums + threadIdx.y * kPacks * blockDim.x + own;
#pragma unroll
  for (int k = 0; k < kPacks; ++k) my_sums[k * kWarp] = {};

  // All threads of the block go round equally often, and meet in sum_of_row.
  for (std::int64_t first = blockIdx.x * static_cast<std::int64_t>(blockDim.y); first < n;
       first += static_cast<std::int64_t>(gridDim.x) * blockDim.y) {
    const std::int64_t row = first + threadIdx.y;
    const int stop = row < n ? end : 0;  // past the last row there is nothing to do
    const auto* dy_row = reinterpret_cast<const Pack<kWidth, T>*>(dy + row * c);
    const auto* x_row = reinterpret_cast<const Pack<kWidth, T>*>(x + row * c);
    auto* dx_row = reinterpret_cast<Pack<kWidth, T>*>(dx + row * c);
    const float row_rstd = row < n ? rstd[row] : 0.0f;

    Pack<kWidth> gs[kPacks];  // first dy
    Pack<kWidth> xs[kHoldX ? kPacks : 1];
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int i = first_pack + k * kWarp;
      gs[k] = i < stop ? as_floats(dy_row[i]) : Pack<kWidth>{};  // 0 adds nothing to any sum
      if constexpr (kHoldX) xs[k] = i < stop ? as_floats(x_row[i]) : Pack<kWidth>{};
    }

    float sum = 0.0f;  // of g x
#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int i = first_pack + k * kWarp;
      if constexpr (!kHoldX) xs[0] = i < stop ? as_floats(x_row[i]) : Pack<kWidth>{};
      const Pack<kWidth> ws = i < stop ? as_floats(weights[i]) : Pack<kWidth>{};
      const Pack<kWidth>& x_pack = xs[kHoldX ? k : 0];
      const Pack<kWidth> dweights = product(gs[k], x_pack, row_rstd);
      for (int j = 0; j < kWidth; ++j) my_sums[k * kWarp].values[j] += dweights.values[j];
      gs[k] = product(gs[k], ws);
      sum += dot(gs[k], x_pack);
    }
    if (gridDim.y > 1 && row < n) {  // the columns of the other slices
      for (int i = static_cast<int>(threadIdx.x); i < packs; i += static_cast<int>(blockDim.x)) {
        if (i >= begin && i < end) continue;
        sum += dot(product(as_floats(dy_row[i]), as_floats(weights[i])), as_floats(x_row[i]));
      }
    }
    const float factor = sum_of_row(sum) * row_rstd * row_rstd / static_cast<float>(c);

#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int i = first_pack + k * kWarp;
      if (i >= stop) continue;
      if constexpr (!kHoldX) xs[0] = as_floats(x_row[i]);
      Pack<kWidth> dxs = gs[k];
      for (int j = 0; j < kWidth; ++j) {
        dxs.values[j] = row_rstd * (dxs.values[j] - xs[kHoldX ? k : 0].values[j] * factor);
      }
      dx_row[i] = rounded_to<T>(dxs);
    }
  }

  // The rows of the block meet: its first row of threads adds up the others' sums and stores them.
  __syncthreads();
  if (threadIdx.y != 0) return;
  auto* partial_row = reinterpret_cast<Pack<kWidth>*>(partials + blockIdx.x * static_cast<std::int64_t>(c));
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const int i = first_pack + k * kWarp;
    if (i >= end) continue;
    Pack<kWidth> total = my_sums[k * kWarp];
    for (unsigned other = 1; other < blockDim.y; ++other) {
      const Pack<kWidth> more = my_sums[other * kPacks * blockDim.x + k * kWarp];
      for (int j = 0; j < kWidth; ++j) total.values[j] += more.values[j];
    }
    partial_row[i] = total;
  }
}

__global__ void rmsnorm_add_partials_kernel(const float* partials,  // (blocks, C)
                                            float* dweight,         // (C)
                                            int blocks, int c) {
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kStripColumns + threadIdx.x;
  float sum = 0.0f;
  if (column < c) {
#pragma unroll 4
    for (std::int64_t block = threadIdx.y; block < blocks; block += kStripRows) {
      sum += partials[block * c + column];
    }
  }
  sum = sum_over_strip_rows(sum);
  if (threadIdx.y == 0 && column < c) dweight[column] += sum;
}

template <class T>
void rmsnorm_backward_solution(const T* dy, const T* x, const T* weight, const float* rstd, T* dx,
                               float* dweight, float* scratch, int n, int c, cudaStream_t stream) {
  check_rmsnorm_backward(dy, x, weight, rstd, dx, dweight, scratch, n, c);
  const RmsnormBackwardLaunch launch = rmsnorm_backward_launch(n, c);
  constexpr int kWide = 16 / sizeof(T);
  const bool wide = rows_fit_pack<kWide>(c, dy, x, weight, dx, scratch);
  const auto few = wide ? rmsnorm_backward_kernel<kWide, kFewColumns, kFewMaxThreads, T>
                        : rmsnorm_backward_kernel<1, kFewColumns, kFewMaxThreads, T>;
  const auto many = wide ? rmsnorm_backward_kernel<kWide, kManyColumns, kManyMaxThreads, T>
                         : rmsnorm_backward_kernel<1, kManyColumns, kManyMaxThreads, T>;
  const auto kernel = launch.many ? many : few;
  WB_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(launch.shared_bytes)));
  kernel<<<launch.grid, launch.block, launch.shared_bytes, stream>>>(dy, x, weight, rstd, dx, scratch, n, c);
  WB_CHECK_LAUNCH();

  const int strips = (c - 1) / kStripColumns + 1;
  rmsnorm_add_partials_kernel<<<strips, dim3(kStripColumns, kStripRows), 0, stream>>>(
      scratch, dweight, static_cast<int>(launch.grid.x), c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RmsnormBackward, solution, rmsnorm_backward_solution<float>);
WB_REGISTER(RmsnormBackwardBf16, solution, rmsnorm_backward_solution<bf16>);

}  // namespace wb
