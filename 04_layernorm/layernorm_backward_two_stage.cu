// Gradient of LayerNorm, `solution`: dgamma and dbeta by a reduction in two stages.
//
// Rows belong to different blocks, and dgamma sums over all of them. First every block adds up its own rows
// and stores the sums in scratch (layernorm_backward.cuh); then a second launch, which begins when the first
// has ended, adds the sums of the blocks. The order of every addition is fixed, so every run gives the same
// bits.
//
// Second stage: block (strip, which) sums 32 neighboring columns of dgamma or dbeta. A warp reads one row of
// them; each of up to 32 warps takes every 32nd row, and the warps combine their sums in shared memory.
//
// 12 bytes per element, 6 in bf16; scratch is written and read once, 16 bytes for each column and block.
// Read next: layernorm_backward_atomics.cu.
#include <algorithm>
#include <cstdint>

#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_backward.cuh"
#include "04_layernorm/layernorm_backward_launch.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kStrip = 32;  // columns of a block in the second stage, and warps at most

template <int kWidth, int kPacks, int kMaxThreads, class T>
__global__ void __launch_bounds__(kMaxThreads, kThreadsPerMultiprocessor / kMaxThreads)
    layernorm_backward_kernel(const T* dy,        // (N, C)
                              const T* x,         // (N, C)
                              const T* gamma,     // (C)
                              const float* mean,  // (N)
                              const float* rstd,  // (N)
                              T* dx,              // (N, C)
                              float* partials,    // (2, gridDim.x, C): of dgamma, then of dbeta
                              int n, int c) {
  extern __shared__ Pack<8> shared[];                       // aligned for any pack
  auto* dgammas = reinterpret_cast<Pack<kWidth>*>(shared);  // (kPacks, blockDim.x)
  Pack<kWidth> dbetas[kPacks];
  layernorm_backward_rows<kWidth, kPacks>(dy, x, gamma, mean, rstd, dx, dgammas, dbetas, n, c);

  const std::int64_t block = blockIdx.x, blocks = gridDim.x;
  auto* dgamma_row = reinterpret_cast<Pack<kWidth>*>(partials + block * c);
  auto* dbeta_row = reinterpret_cast<Pack<kWidth>*>(partials + (blocks + block) * c);
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    const int i = own_pack<kPacks>(k);
    if (i < c / kWidth) {
      dgamma_row[i] = dgammas[k * blockDim.x + threadIdx.x];
      dbeta_row[i] = dbetas[k];
    }
  }
}

__global__ void add_partials_kernel(const float* partials,  // (2, blocks, C)
                                    float* dgamma,          // (C)
                                    float* dbeta,           // (C)
                                    int blocks, int c) {
  __shared__ float of_warp[kStrip][kStrip];
  const int column = static_cast<int>(blockIdx.x * kStrip + threadIdx.x);
  const float* rows = partials + static_cast<std::int64_t>(blockIdx.y) * blocks * c;

  float sum = 0.0f;
  if (column < c) {
#pragma unroll 4
    for (std::int64_t row = threadIdx.y; row < blocks; row += blockDim.y) sum += rows[row * c + column];
  }
  of_warp[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();

  if (threadIdx.y == 0 && column < c) {
    for (unsigned warp = 1; warp < blockDim.y; ++warp) sum += of_warp[warp][threadIdx.x];
    float* out = blockIdx.y == 0 ? dgamma : dbeta;
    out[column] += sum;
  }
}

template <class T>
constexpr int kFew = sizeof(T) == 4 ? kFewColumns : 8;

template <int kWidth, class T>
auto* kernel_for(int columns) {
  if (columns == kFew<T>) return layernorm_backward_kernel<kWidth, kFew<T> / kWidth, kFewMaxThreads, T>;
  if (columns == kSomeColumns)
    return layernorm_backward_kernel<kWidth, kSomeColumns / kWidth, kFewMaxThreads, T>;
  return layernorm_backward_kernel<kWidth, kManyColumns / kWidth, kManyMaxThreads, T>;
}

template <class T>
void layernorm_backward_two_stage(const T* dy, const T* x, const T* gamma, const float* mean,
                                  const float* rstd, T* dx, float* dgamma, float* dbeta, float* scratch,
                                  int n, int c, cudaStream_t stream) {
  check_layernorm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta, scratch, n, c);
  const LayernormBackwardLaunch launch = layernorm_backward_launch(n, c, kFew<T>);
  constexpr int kWide = 16 / sizeof(T);
  const bool wide = rows_fit_pack<kWide>(c, dy, x, gamma, dx, scratch);
  auto* kernel = wide ? kernel_for<kWide, T>(launch.columns) : kernel_for<1, T>(launch.columns);
  WB_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(launch.shared_bytes)));
  kernel<<<launch.grid, launch.threads, launch.shared_bytes, stream>>>(dy, x, gamma, mean, rstd, dx, scratch,
                                                                       n, c);
  WB_CHECK_LAUNCH();

  const int blocks = static_cast<int>(launch.grid.x);
  const dim3 strips(static_cast<unsigned>((c - 1) / kStrip + 1), 2);
  const dim3 warps(kStrip, static_cast<unsigned>(std::min(blocks, kStrip)));
  add_partials_kernel<<<strips, warps, 0, stream>>>(scratch, dgamma, dbeta, blocks, c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormBackward, solution, layernorm_backward_two_stage<float>);
WB_REGISTER(LayernormBackwardBf16, solution, layernorm_backward_two_stage<bf16>);

}  // namespace wb
