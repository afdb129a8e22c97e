// Bias and LayerNorm in one launch: z = x + bias exists only in registers.
//
// This is the kernel of layernorm_solution.cu, but the bias is added to each value of x when it is read. It
// saves one launch, and the store and the load of z, which are half of the bytes that
// bias_layernorm_unfused.cu moves. The cost is a third row of parameters, read from a cache.
//
// Thread t holds packs t, t + blockDim.x, ... of its block's row. Rows above 32768 columns are read twice,
// and the bias is added in both passes.
//
// 8 bytes per element (x read, y written; bias, gamma and beta stay in the caches) and 10 FLOPs.
#include <cstdint>

#include "04_layernorm/bias_layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "04_layernorm/layernorm_rows.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

template <int kWidth, RowMode kMode>
__global__ void __launch_bounds__(row_mode_threads(kMode), row_mode_blocks(kMode))
    bias_layernorm_kernel(const float* x,      // (N, C)
                          const float* bias,   // (C)
                          const float* gamma,  // (C)
                          const float* beta,   // (C)
                          float* y,            // (N, C)
                          float* mean,         // (N)
                          float* rstd,         // (N)
                          int c, float epsilon) {
  using P = Pack<kWidth>;
  extern __shared__ float4 shared[];
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const LayernormRow<kWidth, true> row = {reinterpret_cast<const P*>(x + start),
                                          reinterpret_cast<const P*>(bias),
                                          reinterpret_cast<const P*>(gamma),
                                          reinterpret_cast<const P*>(beta),
                                          reinterpret_cast<P*>(y + start),
                                          mean + blockIdx.x,
                                          rstd + blockIdx.x,
                                          c / kWidth,
                                          epsilon};
  layernorm_row<kMode>(row, shared);
}

template <int kWidth>
auto* kernel_for(RowMode mode) {
  switch (mode) {
    case RowMode::kShort:
      return bias_layernorm_kernel<kWidth, RowMode::kShort>;
    case RowMode::kRegisters:
      return bias_layernorm_kernel<kWidth, RowMode::kRegisters>;
    case RowMode::kSharedToo:
      return bias_layernorm_kernel<kWidth, RowMode::kSharedToo>;
    default:
      return bias_layernorm_kernel<kWidth, RowMode::kStreamed>;
  }
}

void bias_layernorm_solution(const float* x, const float* bias, const float* gamma, const float* beta,
                             float* y, float* mean, float* rstd, int n, int c, float epsilon,
                             cudaStream_t stream) {
  check_bias_layernorm(x, bias, gamma, beta, y, mean, rstd, n, c, epsilon);
  const RowLaunch launch = row_launch(c);
  const bool wide = rows_fit_pack4(c, x, bias, gamma, beta, y);
  auto* kernel = wide ? kernel_for<4>(launch.mode) : kernel_for<1>(launch.mode);
  WB_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(launch.shared_bytes)));
  kernel<<<n, launch.threads, launch.shared_bytes, stream>>>(x, bias, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(BiasLayernormForward, solution, bias_layernorm_solution);

}  // namespace wb
