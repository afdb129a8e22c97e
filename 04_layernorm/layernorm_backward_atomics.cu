// Gradient of LayerNorm, `atomics`: one launch, and every block adds its sums to dgamma and dbeta itself.
//
// The rows are processed as in layernorm_backward_two_stage.cu; only the end differs. Several blocks add to
// one address, so a plain += would lose additions: atomicAdd reads, adds and writes in one indivisible
// operation. It saves scratch and the second launch. The disadvantage: blocks add in a different order in
// every run, and float addition is not associative, so the last bits of dgamma and dbeta differ from run to
// run. A training run is then no longer reproducible, and a difference between two runs can no longer be
// attributed to a change in the program.
//
// Each block adds once per column, not once per row. This keeps the atomics cheap: each address gets
// gridDim.x additions instead of N.
//
// 12 bytes per element; 2 atomic additions for each column and block.
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_backward.cuh"
#include "04_layernorm/layernorm_backward_launch.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

template <int kWidth, int kPacks, int kMaxThreads>
__global__ void __launch_bounds__(kMaxThreads, kThreadsPerMultiprocessor / kMaxThreads)
    layernorm_backward_atomics_kernel(const float* dy,     // (N, C)
                                      const float* x,      // (N, C)
                                      const float* gamma,  // (C)
                                      const float* mean,   // (N)
                                      const float* rstd,   // (N)
                                      float* dx,           // (N, C)
                                      float* dgamma,       // (C)
                                      float* dbeta,        // (C)
                                      int n, int c) {
  extern __shared__ float4 shared[];
  auto* dgammas = reinterpret_cast<Pack<kWidth>*>(shared);  // (kPacks, blockDim.x)
  Pack<kWidth> dbetas[kPacks];
  layernorm_backward_rows<kWidth, kPacks>(dy, x, gamma, mean, rstd, dx, dgammas, dbetas, n, c);

#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const int i = own_pack<kPacks>(k);
    if (i >= c / kWidth) continue;
    const Pack<kWidth> sums = dgammas[k * blockDim.x + threadIdx.x];
    for (int j = 0; j < kWidth; ++j) {
      atomicAdd(&dgamma[i * kWidth + j], sums.values[j]);
      atomicAdd(&dbeta[i * kWidth + j], dbetas[k].values[j]);
    }
  }
}

template <int kWidth>
auto* kernel_for(int columns) {
  if (columns == kFewColumns)
    return layernorm_backward_atomics_kernel<kWidth, kFewColumns / kWidth, kFewMaxThreads>;
  if (columns == kSomeColumns)
    return layernorm_backward_atomics_kernel<kWidth, kSomeColumns / kWidth, kFewMaxThreads>;
  return layernorm_backward_atomics_kernel<kWidth, kManyColumns / kWidth, kManyMaxThreads>;
}

void layernorm_backward_atomics(const float* dy, const float* x, const float* gamma, const float* mean,
                                const float* rstd, float* dx, float* dgamma, float* dbeta, float* scratch,
                                int n, int c, cudaStream_t stream) {
  check_layernorm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta, scratch, n, c);
  const LayernormBackwardLaunch launch = layernorm_backward_launch(n, c);
  const bool wide = rows_fit_pack4(c, dy, x, gamma, dx);
  auto* kernel = wide ? kernel_for<4>(launch.columns) : kernel_for<1>(launch.columns);
  WB_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(launch.shared_bytes)));
  kernel<<<launch.grid, launch.threads, launch.shared_bytes, stream>>>(dy, x, gamma, mean, rstd, dx, dgamma,
                                                                       dbeta, n, c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormBackward, atomics, layernorm_backward_atomics);

}  // namespace wb
