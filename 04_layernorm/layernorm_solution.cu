// LayerNorm, one block per row: the row is read once and stays in registers (layernorm_rows.cuh).
//
// Thread t holds packs t, t + blockDim.x, t + 2 blockDim.x, ...: neighbouring threads read neighbouring
// packs. Each thread takes the moments of its packs, the block merges them (welford.cuh) and normalises from
// registers. A pack is 16 bytes where the rows allow it, else 4. Rows beyond 32768 columns are read twice.
//
// 8 bytes an element and about 10 FLOPs: memory decides the speed.
// Read next: layernorm_backward.cuh.
#include <cstdint>

#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "04_layernorm/layernorm_rows.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

// kFloats: of the row, in the registers of a thread; 0: it is too long for that.
template <int kWidth, int kFloats, int kMaxThreads>
__global__ void __launch_bounds__(kMaxThreads) layernorm_kernel(const float* x,      // (N, C)
                                                                const float* gamma,  // (C)
                                                                const float* beta,   // (C)
                                                                float* y,            // (N, C)
                                                                float* mean,         // (N)
                                                                float* rstd,         // (N)
                                                                int c, float epsilon) {
  using P = Pack<kWidth>;
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const auto* x_row = reinterpret_cast<const P*>(x + start);
  const LayernormRow<kWidth> row = {reinterpret_cast<const P*>(gamma),
                                    reinterpret_cast<const P*>(beta),
                                    reinterpret_cast<P*>(y + start),
                                    mean + blockIdx.x,
                                    rstd + blockIdx.x,
                                    c / kWidth,
                                    epsilon};
  const auto read = [x_row](int i) { return x_row[i]; };
  if constexpr (kFloats > 0) {
    layernorm_row_held<kWidth, kFloats / kWidth>(row, read);
  } else {
    layernorm_row_streamed(row, read);
  }
}

template <int kWidth>
auto* kernel_for(int c) {
  if (c <= kShortRow) return layernorm_kernel<kWidth, kShortRowFloats, kShortRowThreads>;
  if (c <= kHeldRow) return layernorm_kernel<kWidth, kHeldRowFloats, kHeldRowThreads>;
  return layernorm_kernel<kWidth, 0, kHeldRowThreads>;
}

void layernorm_forward_solution(const float* x, const float* gamma, const float* beta, float* y, float* mean,
                                float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  auto* kernel = rows_fit_pack4(c, x, gamma, beta, y) ? kernel_for<4>(c) : kernel_for<1>(c);
  const int threads = threads_for_row(c, c <= kShortRow ? kShortRowFloats : kHeldRowFloats);
  kernel<<<n, threads, 0, stream>>>(x, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormForward, solution, layernorm_forward_solution);

}  // namespace wb
