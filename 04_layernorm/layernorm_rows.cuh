// LayerNorm of one row by one block, shared by layernorm_solution.cu and bias_layernorm_solution.cu.
//
// Where the row comes from is the caller's `read`: a function of the pack's index. Plain LayerNorm reads x
// there; the fused one reads x and adds the bias, and that is all that fusing takes.
//
// Two ways. layernorm_row_held reads the row once: thread t holds packs t, t + blockDim.x, ... in registers,
// with all its loads on their way before it needs the first. layernorm_row_streamed is for rows too long for
// that: it reads them twice, the second time mostly from the L2 cache.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>

#include "03_softmax/row_threads.h"
#include "04_layernorm/moments.cuh"
#include "04_layernorm/welford.cuh"
#include "common/core/pack.h"

namespace wb {

// Rows up to 2048 columns take 8 floats in each of 256 threads: many small blocks share a multiprocessor, and
// some load while others reduce. Up to 32768 columns 32 floats in each of 1024 threads.
inline constexpr int kShortRow = 2048, kShortRowFloats = 8, kShortRowThreads = 256;
inline constexpr int kHeldRow = 32768, kHeldRowFloats = 32, kHeldRowThreads = 1024;

/// What a block does to its row, and where the results go. The matrices' pointers are those of the row.
template <int kWidth>
struct LayernormRow {
  const Pack<kWidth>* gamma;  // (C / kWidth)
  const Pack<kWidth>* beta;   // (C / kWidth)
  Pack<kWidth>* y;            // (C / kWidth)
  float* mean;                // (1)
  float* rstd;                // (1)
  int packs;                  // C / kWidth
  float epsilon;

  /// 1 / sqrt(variance + epsilon); thread 0 stores it and the mean.
  __device__ float finish(const Moments& row) const {
    const float row_rstd = rstd_of(row, epsilon);
    if (threadIdx.x == 0) {
      *mean = row.mean;
      *rstd = row_rstd;
    }
    return row_rstd;
  }
};

template <int kWidth, int kPacks, class Read>
__device__ void layernorm_row_held(const LayernormRow<kWidth>& out, Read read) {
  const int first = static_cast<int>(threadIdx.x), step = static_cast<int>(blockDim.x);
  Pack<kWidth> held[kPacks];
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    if (first + i * step < out.packs) held[i] = read(first + i * step);
  }

  Moments row = {0.0f, 0.0f, 0.0f};
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    if (first + i * step < out.packs) row = MergeMoments{}(row, moments_of(held[i]));
  }
  row = block_merge(row, MergeMoments{});
  const float row_rstd = out.finish(row);

#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    const int at = first + i * step;
    if (at < out.packs) out.y[at] = normalise(held[i], row.mean, row_rstd, out.gamma[at], out.beta[at]);
  }
}

template <int kWidth, class Read>
__device__ void layernorm_row_streamed(const LayernormRow<kWidth>& out, Read read) {
  const int first = static_cast<int>(threadIdx.x), step = static_cast<int>(blockDim.x);
  Moments row = {0.0f, 0.0f, 0.0f};
#pragma unroll 2
  for (int i = first; i < out.packs; i += step) row = MergeMoments{}(row, moments_of(read(i)));
  row = block_merge(row, MergeMoments{});
  const float row_rstd = out.finish(row);

#pragma unroll 2
  for (int i = first; i < out.packs; i += step) {
    out.y[i] = normalise(read(i), row.mean, row_rstd, out.gamma[i], out.beta[i]);
  }
}

}  // namespace wb
