// Residual addition and RMSNorm in one launch: the sum is written to memory, but not read back.
//
// This is the kernel of rmsnorm_solution.cu with two more steps: a thread adds the residual to the pack that
// it has just loaded, and stores the sum immediately. These stores are in flight while the block adds up
// squares.
//
// Thread t holds packs t, t + blockDim.x, ... of its block's row: 8 floats in rows of up to 2048 columns,
// otherwise 32. Rows above 32768 columns do not fit: each thread reads back the sums that it has stored.
//
// 16 bytes per element (8 in bf16): x and residual read, sum and y written. Two launches move 20: they read
// the sum again. 5 FLOPs. Read next: residual_rmsnorm_unfused.cu.
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "05_rmsnorm_rope/residual_rmsnorm.h"
#include "05_rmsnorm_rope/residual_rmsnorm_check.h"
#include "05_rmsnorm_rope/rmsnorm_row.cuh"
#include "common/core/float_pack.cuh"
#include "common/core/loads_ahead.cuh"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

// The sum as it is stored.
template <int kWidth, class T>
__device__ Pack<kWidth, T> plus(Pack<kWidth, T> x, Pack<kWidth, T> residual) {
  for (int j = 0; j < kWidth; ++j) {
    x.values[j] = from_float<T>(to_float(x.values[j]) + to_float(residual.values[j]));
  }
  return x;
}

template <int kWidth, int kPacks, int kMaxThreads, class T>
__global__ void __launch_bounds__(kMaxThreads) residual_rmsnorm_kernel(const T* x,         // (N, C)
                                                                       const T* residual,  // (N, C)
                                                                       const T* weight,    // (C)
                                                                       T* sum,             // (N, C)
                                                                       T* y,               // (N, C)
                                                                       float* rstd,        // (N)
                                                                       int c, float epsilon) {
  using InMemory = Pack<kWidth, T>;
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const auto* xs = reinterpret_cast<const InMemory*>(x + start);
  const auto* residuals = reinterpret_cast<const InMemory*>(residual + start);
  const auto* weights = reinterpret_cast<const InMemory*>(weight);
  auto* sums = reinterpret_cast<InMemory*>(sum + start);
  auto* out = reinterpret_cast<InMemory*>(y + start);
  const int packs = c / kWidth;
  const int first = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(blockDim.x);

  InMemory held[kPacks];
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    const int index = first + i * step;
    held[i] = index < packs ? plus(xs[index], residuals[index]) : InMemory{};
  }

  float squares = 0.0f;
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    const int index = first + i * step;
    if (index < packs) sums[index] = held[i];
    squares += sum_of_squares(as_floats(held[i]));
  }
  const float row_rstd = rsqrtf(block_sum(squares) / static_cast<float>(c) + epsilon);
  if (threadIdx.x == 0) rstd[blockIdx.x] = row_rstd;

  const auto weight_of = [weights](int, int index) { return weights[index]; };
  with_loads_ahead<kPacks>(first, step, packs, weight_of, [&](int i, int index, const InMemory& w) {
    out[index] = scaled(as_floats(held[i]), row_rstd, w);
  });
}

// For rows of any length.
template <int kWidth, class T>
__global__ void __launch_bounds__(1024) residual_rmsnorm_long_kernel(const T* x,         // (N, C)
                                                                     const T* residual,  // (N, C)
                                                                     const T* weight,    // (C)
                                                                     T* sum,             // (N, C)
                                                                     T* y,               // (N, C)
                                                                     float* rstd,        // (N)
                                                                     int c, float epsilon) {
  using InMemory = Pack<kWidth, T>;
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const auto* xs = reinterpret_cast<const InMemory*>(x + start);
  const auto* residuals = reinterpret_cast<const InMemory*>(residual + start);
  const auto* weights = reinterpret_cast<const InMemory*>(weight);
  auto* sums = reinterpret_cast<InMemory*>(sum + start);
  auto* out = reinterpret_cast<InMemory*>(y + start);
  const int packs = c / kWidth;
  const int first = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(blockDim.x);

  float squares = 0.0f;
#pragma unroll 2
  for (std::int64_t i = first; i < packs; i += step) {
    const InMemory total = plus(xs[i], residuals[i]);
    sums[i] = total;
    squares += sum_of_squares(as_floats(total));
  }
  const float row_rstd = rsqrtf(block_sum(squares) / static_cast<float>(c) + epsilon);
  if (threadIdx.x == 0) rstd[blockIdx.x] = row_rstd;

#pragma unroll 2
  for (std::int64_t i = first; i < packs; i += step) {
    out[i] = scaled(as_floats(sums[i]), row_rstd, weights[i]);
  }
}

template <int kWidth, class T>
void launch_residual_rmsnorm(const T* x, const T* residual, const T* weight, T* sum, T* y, float* rstd, int n,
                             int c, float epsilon, cudaStream_t stream) {
  constexpr int kFew = kFewNumbers<T>, kMany = kManyNumbers;
  if (c <= kFew * kShortMaxThreads) {
    residual_rmsnorm_kernel<kWidth, kFew / kWidth, kShortMaxThreads>
        <<<n, threads_for_row(c, kFew), 0, stream>>>(x, residual, weight, sum, y, rstd, c, epsilon);
  } else if (c <= kLongestInRegisters) {
    residual_rmsnorm_kernel<kWidth, kMany / kWidth, 1024>
        <<<n, threads_for_row(c, kMany), 0, stream>>>(x, residual, weight, sum, y, rstd, c, epsilon);
  } else {
    residual_rmsnorm_long_kernel<kWidth>
        <<<n, 1024, 0, stream>>>(x, residual, weight, sum, y, rstd, c, epsilon);
  }
  WB_CHECK_LAUNCH();
}

template <class T>
void residual_rmsnorm_solution(const T* x, const T* residual, const T* weight, T* sum, T* y, float* rstd,
                               int n, int c, float epsilon, cudaStream_t stream) {
  check_residual_rmsnorm(x, residual, weight, sum, y, rstd, n, c, epsilon);
  constexpr int kWide = 16 / sizeof(T);
  const auto launch = rows_fit_pack<kWide>(c, x, residual, weight, sum, y) ? launch_residual_rmsnorm<kWide, T>
                                                                           : launch_residual_rmsnorm<1, T>;
  launch(x, residual, weight, sum, y, rstd, n, c, epsilon, stream);
}

}  // namespace

WB_REGISTER(ResidualRmsnormForward, solution, residual_rmsnorm_solution<float>);
WB_REGISTER(ResidualRmsnormForwardBf16, solution, residual_rmsnorm_solution<bf16>);

}  // namespace wb
