// RMSNorm, one block per row, in one launch: the row is read once and stays in registers.
//
// Thread t holds packs t, t + blockDim.x, t + 2 blockDim.x, ... of its block's row: neighboring threads read
// neighboring packs, and all loads of a thread are in flight before it uses the first. Each thread adds up
// the squares of its elements, the block adds these sums (chapter 03), and the row is scaled in registers. A
// pack is 16 bytes if rows and weight allow it, otherwise one number.
//
// Up to 2048 columns a thread holds 8 elements, so that even 1024 columns occupy 4 warps. The weights are
// loaded with the row; otherwise each block would wait a second time. Up to 32768 columns a thread holds 32
// elements. Longer rows do not fit in the registers, and a second kernel reads them twice.
//
// T is the type in memory, float or bf16; all arithmetic is float.
//
// 8 bytes per element (4 in bf16) and 4 FLOPs: memory bound, so a single launch saves most of the time.
// rmsnorm_unfused.cu does the same arithmetic in five launches and moves 28 bytes per element.
// Read next: rmsnorm_backward_solution.cu.
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "05_rmsnorm_rope/rmsnorm_row.cuh"
#include "common/core/float_pack.cuh"
#include "common/core/loads_ahead.cuh"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

// The launch bounds tell the compiler how many registers a thread may use: 64 with 1024 threads.
template <int kWidth, int kPacks, int kMaxThreads, class T>
__global__ void __launch_bounds__(kMaxThreads) rmsnorm_kernel(const T* x,       // (N, C)
                                                              const T* weight,  // (C)
                                                              T* y,             // (N, C)
                                                              float* rstd,      // (N)
                                                              int c, float epsilon) {
  constexpr bool kHoldWeights = kMaxThreads <= kShortMaxThreads;
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const auto* in = reinterpret_cast<const Pack<kWidth, T>*>(x + start);
  const auto* weights = reinterpret_cast<const Pack<kWidth, T>*>(weight);
  auto* out = reinterpret_cast<Pack<kWidth, T>*>(y + start);
  const int packs = c / kWidth;
  const int first = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(blockDim.x);

  Pack<kWidth> held[kPacks];
  [[maybe_unused]] Pack<kWidth, T> held_weights[kHoldWeights ? kPacks : 1];
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    const int index = first + i * step;
    const bool inside = index < packs;
    held[i] = inside ? as_floats(in[index]) : Pack<kWidth>{};  // 0 adds nothing to the squares
    if constexpr (kHoldWeights) held_weights[i] = inside ? weights[index] : Pack<kWidth, T>{};
  }

  float squares = 0.0f;
#pragma unroll
  for (int i = 0; i < kPacks; ++i) squares += sum_of_squares(held[i]);
  const float row_rstd = rsqrtf(block_sum(squares) / static_cast<float>(c) + epsilon);
  if (threadIdx.x == 0) rstd[blockIdx.x] = row_rstd;

  const auto weight_of = [&](int i, int index) {
    if constexpr (kHoldWeights) {
      return held_weights[i];
    } else {
      return weights[index];
    }
  };
  with_loads_ahead<kPacks>(first, step, packs, weight_of, [&](int i, int index, const Pack<kWidth, T>& w) {
    out[index] = scaled(held[i], row_rstd, w);
  });
}

// For rows of any length. The second reading comes from the caches, where the first has left the row.
template <int kWidth, class T>
__global__ void __launch_bounds__(1024) rmsnorm_long_kernel(const T* x,       // (N, C)
                                                            const T* weight,  // (C)
                                                            T* y,             // (N, C)
                                                            float* rstd,      // (N)
                                                            int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const auto* in = reinterpret_cast<const Pack<kWidth, T>*>(x + start);
  const auto* weights = reinterpret_cast<const Pack<kWidth, T>*>(weight);
  auto* out = reinterpret_cast<Pack<kWidth, T>*>(y + start);
  const int packs = c / kWidth;
  const int first = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(blockDim.x);

  float squares = 0.0f;
#pragma unroll 4
  for (std::int64_t i = first; i < packs; i += step) squares += sum_of_squares(as_floats(in[i]));
  const float row_rstd = rsqrtf(block_sum(squares) / static_cast<float>(c) + epsilon);
  if (threadIdx.x == 0) rstd[blockIdx.x] = row_rstd;

#pragma unroll 4
  for (std::int64_t i = first; i < packs; i += step) out[i] = scaled(as_floats(in[i]), row_rstd, weights[i]);
}

template <int kWidth, class T>
void launch_rmsnorm(const T* x, const T* weight, T* y, float* rstd, int n, int c, float epsilon,
                    cudaStream_t stream) {
  constexpr int kFew = kFewNumbers<T>, kMany = kManyNumbers;
  if (c <= kFew * kShortMaxThreads) {
    rmsnorm_kernel<kWidth, kFew / kWidth, kShortMaxThreads>
        <<<n, threads_for_row(c, kFew), 0, stream>>>(x, weight, y, rstd, c, epsilon);
  } else if (c <= kLongestInRegisters) {
    rmsnorm_kernel<kWidth, kMany / kWidth, 1024>
        <<<n, threads_for_row(c, kMany), 0, stream>>>(x, weight, y, rstd, c, epsilon);
  } else {
    rmsnorm_long_kernel<kWidth><<<n, 1024, 0, stream>>>(x, weight, y, rstd, c, epsilon);
  }
  WB_CHECK_LAUNCH();
}

template <class T>
void rmsnorm_forward_solution(const T* x, const T* weight, T* y, float* rstd, int n, int c, float epsilon,
                              cudaStream_t stream) {
  check_rmsnorm_forward(x, weight, y, rstd, n, c, epsilon);
  constexpr int kWide = 16 / sizeof(T);
  const auto launch = rows_fit_pack<kWide>(c, x, weight, y) ? launch_rmsnorm<kWide, T> : launch_rmsnorm<1, T>;
  launch(x, weight, y, rstd, n, c, epsilon, stream);
}

}  // namespace

WB_REGISTER(RmsnormForward, solution, rmsnorm_forward_solution<float>);
WB_REGISTER(RmsnormForwardBf16, solution, rmsnorm_forward_solution<bf16>);

}  // namespace wb
