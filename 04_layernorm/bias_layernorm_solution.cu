// Bias and LayerNorm in one launch: z = x + bias exists only in registers.
//
// The kernel of layernorm_solution.cu, but the bias is added to whatever is read from x. Adding costs nothing
// that anyone waits for; the launch and the two trips of z through memory that it saves are half of the bytes
// that bias_layernorm_unfused.cu moves.
//
// Thread t holds packs t, t + blockDim.x, ... of its block's row. Rows beyond 32768 columns are read twice
// and get their bias twice.
//
// 8 bytes an element (x read, y written; bias, gamma and beta stay in the caches) and about 11 FLOPs.
#include <cstdint>

#include "04_layernorm/bias_layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "04_layernorm/layernorm_rows.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

template <int kWidth>
__device__ Pack<kWidth> plus(Pack<kWidth> x, const Pack<kWidth>& bias) {
  for (int j = 0; j < kWidth; ++j) x.values[j] += bias.values[j];
  return x;
}

// kFloats: of the row, in the registers of a thread; 0: it is too long for that.
template <int kWidth, int kFloats, int kMaxThreads>
__global__ void __launch_bounds__(kMaxThreads) bias_layernorm_kernel(const float* x,      // (N, C)
                                                                     const float* bias,   // (C)
                                                                     const float* gamma,  // (C)
                                                                     const float* beta,   // (C)
                                                                     float* y,            // (N, C)
                                                                     float* mean,         // (N)
                                                                     float* rstd,         // (N)
                                                                     int c, float epsilon) {
  using P = Pack<kWidth>;
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const auto* x_row = reinterpret_cast<const P*>(x + start);
  const auto* biases = reinterpret_cast<const P*>(bias);
  const LayernormRow<kWidth> row = {reinterpret_cast<const P*>(gamma),
                                    reinterpret_cast<const P*>(beta),
                                    reinterpret_cast<P*>(y + start),
                                    mean + blockIdx.x,
                                    rstd + blockIdx.x,
                                    c / kWidth,
                                    epsilon};
  const auto read = [x_row, biases](int i) { return plus(x_row[i], biases[i]); };
  if constexpr (kFloats > 0) {
    layernorm_row_held<kWidth, kFloats / kWidth>(row, read);
  } else {
    layernorm_row_streamed(row, read);
  }
}

template <int kWidth>
auto* kernel_for(int c) {
  if (c <= kShortRow) return bias_layernorm_kernel<kWidth, kShortRowFloats, kShortRowThreads>;
  if (c <= kHeldRow) return bias_layernorm_kernel<kWidth, kHeldRowFloats, kHeldRowThreads>;
  return bias_layernorm_kernel<kWidth, 0, kHeldRowThreads>;
}

void bias_layernorm_solution(const float* x, const float* bias, const float* gamma, const float* beta,
                             float* y, float* mean, float* rstd, int n, int c, float epsilon,
                             cudaStream_t stream) {
  check_bias_layernorm(x, bias, gamma, beta, y, mean, rstd, n, c, epsilon);
  auto* kernel = rows_fit_pack4(c, x, bias, gamma, beta, y) ? kernel_for<4>(c) : kernel_for<1>(c);
  const int threads = threads_for_row(c, c <= kShortRow ? kShortRowFloats : kHeldRowFloats);
  kernel<<<n, threads, 0, stream>>>(x, bias, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(BiasLayernormForward, solution, bias_layernorm_solution);

}  // namespace wb
