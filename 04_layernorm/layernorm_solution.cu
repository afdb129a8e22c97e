// LayerNorm, one block per row: the row is read once and stays in registers.
//
// Thread t holds packs t, t + blockDim.x, t + 2 blockDim.x, ...: neighbouring threads read neighbouring
// packs, and all loads of a thread are on their way before it needs the first. Each thread takes the moments
// of its packs, the block merges them (welford.cuh) and normalises from registers. A pack is 16 bytes where
// the rows allow it, else 4.
//
// 32 floats a thread: rows up to 1024 columns take a single warp, whose barriers cost nothing; at 16384
// columns two blocks still fit a multiprocessor, so that one can load while the other reduces. Longer rows
// would leave it to one, which then waits. They are read twice instead, the second time mostly from L2.
//
// 8 bytes an element and about 10 FLOPs: memory decides the speed.
// Read next: layernorm_backward.cuh.
#include <cstdint>

#include "03_softmax/row_threads.h"
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "04_layernorm/welford.cuh"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kFloatsPerThread = 32;
constexpr int kMaxThreads = 512;  // of a row in registers
constexpr int kLongestInRegisters = kFloatsPerThread * kMaxThreads;

template <int kWidth, int kPacks>
__global__ void __launch_bounds__(kMaxThreads) layernorm_kernel(const float* x,      // (N, C)
                                                                const float* gamma,  // (C)
                                                                const float* beta,   // (C)
                                                                float* y,            // (N, C)
                                                                float* mean,         // (N)
                                                                float* rstd,         // (N)
                                                                int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const auto* in = reinterpret_cast<const Pack<kWidth>*>(x + start);
  const auto* gammas = reinterpret_cast<const Pack<kWidth>*>(gamma);
  const auto* betas = reinterpret_cast<const Pack<kWidth>*>(beta);
  auto* out = reinterpret_cast<Pack<kWidth>*>(y + start);
  const int packs = c / kWidth;
  const int first = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(blockDim.x);

  Pack<kWidth> held[kPacks];
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    if (first + i * step < packs) held[i] = in[first + i * step];
  }

  Moments row = {0.0f, 0.0f, 0.0f};
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    if (first + i * step < packs) row = MergeMoments{}(row, moments_of(held[i]));
  }
  row = block_merge(row, MergeMoments{});
  const float row_rstd = rstd_of(row, epsilon);
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = row.mean;
    rstd[blockIdx.x] = row_rstd;
  }

#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    const int index = first + i * step;
    if (index < packs) out[index] = normalise(held[i], row.mean, row_rstd, gammas[index], betas[index]);
  }
}

// For rows of any length. Two blocks of 1024 threads on a multiprocessor leave 32 registers to each.
template <int kWidth>
__global__ void __launch_bounds__(1024, 2) layernorm_long_kernel(const float* x,      // (N, C)
                                                                 const float* gamma,  // (C)
                                                                 const float* beta,   // (C)
                                                                 float* y,            // (N, C)
                                                                 float* mean,         // (N)
                                                                 float* rstd,         // (N)
                                                                 int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const auto* in = reinterpret_cast<const Pack<kWidth>*>(x + start);
  const auto* gammas = reinterpret_cast<const Pack<kWidth>*>(gamma);
  const auto* betas = reinterpret_cast<const Pack<kWidth>*>(beta);
  auto* out = reinterpret_cast<Pack<kWidth>*>(y + start);
  const int packs = c / kWidth;
  const int first = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(blockDim.x);

  Moments row = {0.0f, 0.0f, 0.0f};
#pragma unroll 2
  for (int i = first; i < packs; i += step) row = MergeMoments{}(row, moments_of(in[i]));
  row = block_merge(row, MergeMoments{});
  const float row_rstd = rstd_of(row, epsilon);
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = row.mean;
    rstd[blockIdx.x] = row_rstd;
  }

#pragma unroll 2
  for (int i = first; i < packs; i += step) {
    out[i] = normalise(in[i], row.mean, row_rstd, gammas[i], betas[i]);
  }
}

void layernorm_forward_solution(const float* x, const float* gamma, const float* beta, float* y, float* mean,
                                float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  const bool wide = rows_fit_pack4(c, x, gamma, beta, y);
  if (c > kLongestInRegisters) {
    const auto kernel = wide ? layernorm_long_kernel<4> : layernorm_long_kernel<1>;
    kernel<<<n, 1024, 0, stream>>>(x, gamma, beta, y, mean, rstd, c, epsilon);
  } else {
    const int threads = threads_for_row(c, kFloatsPerThread);
    const auto kernel =
        wide ? layernorm_kernel<4, kFloatsPerThread / 4> : layernorm_kernel<1, kFloatsPerThread>;
    kernel<<<n, threads, 0, stream>>>(x, gamma, beta, y, mean, rstd, c, epsilon);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormForward, solution, layernorm_forward_solution);

}  // namespace wb
