// Bias and LayerNorm in one launch: z = x + bias exists only in registers.
//
// The kernel of layernorm_solution.cu with one step more: a thread adds the bias to what it has just loaded,
// before it looks at mean and spread. Adding costs nothing that anyone waits for; the launch and the two
// trips of z through memory that it saves are half of the bytes that bias_layernorm_unfused.cu moves.
//
// Thread t holds packs t, t + blockDim.x, ... of its block's row, 32 floats in all. Rows beyond 16384 columns
// are read twice and get their bias twice.
//
// 8 bytes an element (x read, y written; bias, gamma and beta stay in the caches) and about 11 FLOPs.
#include <cstdint>

#include "03_softmax/row_threads.h"
#include "04_layernorm/bias_layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "04_layernorm/welford.cuh"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kFloatsPerThread = 32;
constexpr int kMaxThreads = 512;  // of a row in registers
constexpr int kLongestInRegisters = kFloatsPerThread * kMaxThreads;

template <int kWidth>
__device__ Pack<kWidth> plus(Pack<kWidth> x, const Pack<kWidth>& bias) {
  for (int j = 0; j < kWidth; ++j) x.values[j] += bias.values[j];
  return x;
}

template <int kWidth, int kPacks>
__global__ void __launch_bounds__(kMaxThreads) bias_layernorm_kernel(const float* x,      // (N, C)
                                                                     const float* bias,   // (C)
                                                                     const float* gamma,  // (C)
                                                                     const float* beta,   // (C)
                                                                     float* y,            // (N, C)
                                                                     float* mean,         // (N)
                                                                     float* rstd,         // (N)
                                                                     int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const auto* in = reinterpret_cast<const Pack<kWidth>*>(x + start);
  const auto* biases = reinterpret_cast<const Pack<kWidth>*>(bias);
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
    if (first + i * step < packs) {
      held[i] = plus(held[i], biases[first + i * step]);
      row = MergeMoments{}(row, moments_of(held[i]));
    }
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
__global__ void __launch_bounds__(1024, 2) bias_layernorm_long_kernel(const float* x,      // (N, C)
                                                                      const float* bias,   // (C)
                                                                      const float* gamma,  // (C)
                                                                      const float* beta,   // (C)
                                                                      float* y,            // (N, C)
                                                                      float* mean,         // (N)
                                                                      float* rstd,         // (N)
                                                                      int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const auto* in = reinterpret_cast<const Pack<kWidth>*>(x + start);
  const auto* biases = reinterpret_cast<const Pack<kWidth>*>(bias);
  const auto* gammas = reinterpret_cast<const Pack<kWidth>*>(gamma);
  const auto* betas = reinterpret_cast<const Pack<kWidth>*>(beta);
  auto* out = reinterpret_cast<Pack<kWidth>*>(y + start);
  const int packs = c / kWidth;
  const int first = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(blockDim.x);

  Moments row = {0.0f, 0.0f, 0.0f};
#pragma unroll 2
  for (int i = first; i < packs; i += step) row = MergeMoments{}(row, moments_of(plus(in[i], biases[i])));
  row = block_merge(row, MergeMoments{});
  const float row_rstd = rstd_of(row, epsilon);
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = row.mean;
    rstd[blockIdx.x] = row_rstd;
  }

#pragma unroll 2
  for (int i = first; i < packs; i += step) {
    out[i] = normalise(plus(in[i], biases[i]), row.mean, row_rstd, gammas[i], betas[i]);
  }
}

void bias_layernorm_solution(const float* x, const float* bias, const float* gamma, const float* beta,
                             float* y, float* mean, float* rstd, int n, int c, float epsilon,
                             cudaStream_t stream) {
  check_bias_layernorm(x, bias, gamma, beta, y, mean, rstd, n, c, epsilon);
  const bool wide = rows_fit_pack4(c, x, bias, gamma, beta, y);
  if (c > kLongestInRegisters) {
    const auto kernel = wide ? bias_layernorm_long_kernel<4> : bias_layernorm_long_kernel<1>;
    kernel<<<n, 1024, 0, stream>>>(x, bias, gamma, beta, y, mean, rstd, c, epsilon);
  } else {
    const int threads = threads_for_row(c, kFloatsPerThread);
    const auto kernel =
        wide ? bias_layernorm_kernel<4, kFloatsPerThread / 4> : bias_layernorm_kernel<1, kFloatsPerThread>;
    kernel<<<n, threads, 0, stream>>>(x, bias, gamma, beta, y, mean, rstd, c, epsilon);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(BiasLayernormForward, solution, bias_layernorm_solution);

}  // namespace wb
