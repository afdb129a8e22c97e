// Gradient of LayerNorm over many rows by one block: dx of each row, and the block's share of dgamma and
// dbeta. The two implementations add up the shares: layernorm_backward_two_stage.cu and
// layernorm_backward_atomics.cu.
//
// With xhat = (x - mean) rstd and g = dy gamma:
//   dx[i, c]   = rstd[i] (g[i, c] - mean_c(g) - xhat[i, c] mean_c(g xhat))
//   dgamma[c] += sum over i of dy[i, c] xhat[i, c],   dbeta[c] += sum over i of dy[i, c]
// The two means arise because mean[i] and rstd[i] depend on every x of the row.
//
// Block b takes rows b, b + gridDim.x, ... Thread t owns packs t, t + blockDim.x, ... of every such row, and
// adds up dgamma and dbeta for these columns row by row. No other thread of the block owns them, so neither a
// barrier nor an atomic is needed. dy and x are loaded from memory once, for all three results: the second
// read of a row hits a cache. The sums of dbeta stay in registers and those of dgamma in shared memory, since
// there are not enough registers for both.
//
// Rows wider than a block owns are cut into slices, blockIdx.y: each slice reads the whole row for its two
// means, and writes its own columns.
//
// T is the type in memory, float or bf16; all arithmetic and the sums are float.
//
// 12 bytes per element (6 in bf16: dy and x read, dx written) and 18 FLOPs.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "common/core/float_pack.cuh"
#include "common/core/pack.h"

namespace wb {

/// The pack of the row that is this thread's k-th. It may lie past the end.
template <int kPacks>
__device__ int own_pack(int k) {
  return static_cast<int>((blockIdx.y * kPacks + k) * blockDim.x + threadIdx.x);
}

/// All threads of the block call it.
template <int kWidth, int kPacks, class T>
__device__ void layernorm_backward_rows(
    const T* dy,                     // (N, C)
    const T* x,                      // (N, C)
    const T* gamma,                  // (C)
    const float* mean,               // (N)
    const float* rstd,               // (N)
    T* dx,                           // (N, C)
    Pack<kWidth>* dgammas,           // (kPacks, blockDim.x), shared: out, [k * blockDim.x + threadIdx.x]
    Pack<kWidth> (&dbetas)[kPacks],  // registers: out
    int n, int c) {
  // Packs whose loads are on their way together. Eight numbers of bf16 take eight registers each.
  [[maybe_unused]] constexpr int kInFlight = kPacks * kWidth <= 16 ? 4 : kWidth == 8 ? 1 : 2;
  const int packs = c / kWidth;
  const auto* gammas = reinterpret_cast<const Pack<kWidth, T>*>(gamma);
#pragma unroll
  for (int k = 0; k < kPacks; ++k) {
    dbetas[k] = {};
    dgammas[k * blockDim.x + threadIdx.x] = {};
  }

  for (std::int64_t row = blockIdx.x; row < n; row += gridDim.x) {
    const auto* dy_row = reinterpret_cast<const Pack<kWidth, T>*>(dy + row * c);
    const auto* x_row = reinterpret_cast<const Pack<kWidth, T>*>(x + row * c);
    auto* dx_row = reinterpret_cast<Pack<kWidth, T>*>(dx + row * c);
    const float row_mean = mean[row], row_rstd = rstd[row];

    float sum = 0.0f, dot = 0.0f;  // of g; of g and xhat
#pragma unroll kInFlight
    for (int i = static_cast<int>(threadIdx.x); i < packs; i += static_cast<int>(blockDim.x)) {
      const Pack<kWidth> dys = as_floats(dy_row[i]), xs = as_floats(x_row[i]), gs = as_floats(gammas[i]);
      for (int j = 0; j < kWidth; ++j) {
        const float g = dys.values[j] * gs.values[j];
        sum += g;
        dot += g * ((xs.values[j] - row_mean) * row_rstd);
      }
    }
    const float mean_g = block_sum(sum) / static_cast<float>(c);
    const float mean_dot = block_sum(dot) / static_cast<float>(c);

#pragma unroll
    for (int k = 0; k < kPacks; ++k) {
      const int i = own_pack<kPacks>(k);
      if (i >= packs) continue;
      const Pack<kWidth> dys = as_floats(dy_row[i]), xs = as_floats(x_row[i]), gs = as_floats(gammas[i]);
      Pack<kWidth> dxs, dgamma = dgammas[k * blockDim.x + threadIdx.x];
      for (int j = 0; j < kWidth; ++j) {
        const float xhat = (xs.values[j] - row_mean) * row_rstd;
        dxs.values[j] = row_rstd * (dys.values[j] * gs.values[j] - mean_g - xhat * mean_dot);
        dgamma.values[j] += dys.values[j] * xhat;
        dbetas[k].values[j] += dys.values[j];
      }
      dgammas[k * blockDim.x + threadIdx.x] = dgamma;
      dx_row[i] = rounded_to<T>(dxs);
    }
  }
}

}  // namespace wb
