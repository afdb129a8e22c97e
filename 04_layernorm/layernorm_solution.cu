// LayerNorm, one block per row: the row is read once and the block keeps it (layernorm_rows.cuh).
//
// Thread t holds packs t, t + blockDim.x, t + 2 blockDim.x, ...: neighboring threads read neighboring packs.
// Each thread computes the moments of its packs, the block merges them (welford.cuh), and each thread
// normalizes the elements that it kept. A pack is 16 bytes if the rows allow it, otherwise 4. Rows above
// 32768 columns are read twice.
//
// 8 bytes per element and 9 FLOPs: memory bound.
// Read next: layernorm_backward.cuh.
#include <cstdint>

#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "04_layernorm/layernorm_rows.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

template <int kWidth, RowMode kMode>
__global__ void __launch_bounds__(row_mode_threads(kMode), row_mode_blocks(kMode))
    layernorm_kernel(const float* x,      // (N, C)
                     const float* gamma,  // (C)
                     const float* beta,   // (C)
                     float* y,            // (N, C)
                     float* mean,         // (N)
                     float* rstd,         // (N)
                     int c, float epsilon) {
  using P = Pack<kWidth>;
  extern __shared__ float4 shared[];
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const LayernormRow<kWidth, false> row = {reinterpret_cast<const P*>(x + start),
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

template <int kWidth>
auto* kernel_for(RowMode mode) {
  switch (mode) {
    case RowMode::kShort:
      return layernorm_kernel<kWidth, RowMode::kShort>;
    case RowMode::kRegisters:
      return layernorm_kernel<kWidth, RowMode::kRegisters>;
    case RowMode::kSharedToo:
      return layernorm_kernel<kWidth, RowMode::kSharedToo>;
    default:
      return layernorm_kernel<kWidth, RowMode::kStreamed>;
  }
}

void layernorm_forward_solution(const float* x, const float* gamma, const float* beta, float* y, float* mean,
                                float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  const RowLaunch launch = row_launch(c);
  auto* kernel =
      rows_fit_pack4(c, x, gamma, beta, y) ? kernel_for<4>(launch.mode) : kernel_for<1>(launch.mode);
  WB_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(launch.shared_bytes)));
  kernel<<<n, launch.threads, launch.shared_bytes, stream>>>(x, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormForward, solution, layernorm_forward_solution);

}  // namespace wb
