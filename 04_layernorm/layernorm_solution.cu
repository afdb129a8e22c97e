// LayerNorm, one block per row: the row is read once and the block keeps it (layernorm_rows.cuh).
//
// Thread t holds packs t, t + blockDim.x, t + 2 blockDim.x, ...: neighboring threads read neighboring packs.
// Each thread computes the moments of its packs, the block merges them (welford.cuh), and each thread
// normalizes the elements that it kept. A pack is 16 bytes if the rows allow it, otherwise one number. Rows
// above 32768 columns are read twice.
//
// T is the type in memory, float or bf16; all arithmetic is float.
//
// 8 bytes per element (4 in bf16) and 9 FLOPs: memory bound.
// Read next: layernorm_backward.cuh.
#include <cstdint>

#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "04_layernorm/layernorm_rows.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

template <int kWidth, RowMode kMode, class T>
__global__ void __launch_bounds__(row_mode_threads(kMode), row_mode_blocks(kMode, sizeof(T)))
    layernorm_kernel(const T* x,      // (N, C)
                     const T* gamma,  // (C)
                     const T* beta,   // (C)
                     T* y,            // (N, C)
                     float* mean,     // (N)
                     float* rstd,     // (N)
                     int c, float epsilon) {
  using P = Pack<kWidth, T>;
  extern __shared__ float4 shared[];
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const LayernormRow<kWidth, false, T> row = {reinterpret_cast<const P*>(x + start),
                                              nullptr,
                                              reinterpret_cast<const P*>(gamma),
                                              reinterpret_cast<const P*>(beta),
                                              reinterpret_cast<P*>(y + start),
                                              mean + blockIdx.x,
                                              rstd + blockIdx.x,
                                              c / kWidth,
                                              epsilon};
  layernorm_row<kMode>(row, shared);
}

template <int kWidth, class T>
auto* kernel_for(RowMode mode) {
  switch (mode) {
    case RowMode::kShort:
      return layernorm_kernel<kWidth, RowMode::kShort, T>;
    case RowMode::kRegisters:
      return layernorm_kernel<kWidth, RowMode::kRegisters, T>;
    case RowMode::kSharedToo:
      return layernorm_kernel<kWidth, RowMode::kSharedToo, T>;
    default:
      return layernorm_kernel<kWidth, RowMode::kStreamed, T>;
  }
}

template <class T>
void layernorm_forward_solution(const T* x, const T* gamma, const T* beta, T* y, float* mean, float* rstd,
                                int n, int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  constexpr int kWide = 16 / sizeof(T);
  const RowLaunch launch = row_launch(c, sizeof(T));
  auto* kernel = rows_fit_pack<kWide>(c, x, gamma, beta, y) ? kernel_for<kWide, T>(launch.mode)
                                                            : kernel_for<1, T>(launch.mode);
  WB_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(launch.shared_bytes)));
  kernel<<<n, launch.threads, launch.shared_bytes, stream>>>(x, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormForward, solution, layernorm_forward_solution<float>);
WB_REGISTER(LayernormForwardBf16, solution, layernorm_forward_solution<bf16>);

}  // namespace wb
