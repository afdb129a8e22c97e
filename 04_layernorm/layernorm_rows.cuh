// LayerNorm of one row by one block, shared by layernorm_solution.cu and bias_layernorm_solution.cu.
//
// What happens to a value between memory and the norm is the caller's `adjust`, a function of pack and index:
// plain LayerNorm returns the pack, the fused one adds the bias, and that is all that fusing takes.
//
// layernorm_row_held reads the row once. Thread t has packs t, t + blockDim.x, t + 2 blockDim.x, ..., and all
// their loads are on the way before it needs the first. It keeps them in registers, and of rows that are too
// long for those the rest in shared memory, where no other thread looks: no barrier is needed for that.
// layernorm_row_streamed reads the row twice, the second time mostly from the L2 cache: for rows of any
// length.
#pragma once

#include <cuda_runtime.h>

#include "04_layernorm/layernorm_row_launch.h"
#include "04_layernorm/moments.cuh"
#include "04_layernorm/welford.cuh"
#include "common/core/pack.h"
#include "common/core/pack_once.cuh"

namespace wb {

/// One row, and where its results go. Pointers are those of the row.
template <int kWidth>
struct LayernormRow {
  const Pack<kWidth>* x;      // (C / kWidth)
  const Pack<kWidth>* gamma;  // (C / kWidth)
  const Pack<kWidth>* beta;   // (C / kWidth)
  Pack<kWidth>* y;            // (C / kWidth)
  float* mean;                // (1)
  float* rstd;                // (1)
  int packs;                  // C / kWidth
  float epsilon;

  /// 1 / sqrt(variance + epsilon); thread 0 stores it and the mean.
  __device__ float finish(const Moments& moments) const {
    const float row_rstd = rstd_of(moments, epsilon);
    if (threadIdx.x == 0) {
      *mean = moments.mean;
      *rstd = row_rstd;
    }
    return row_rstd;
  }
};

/// For rows of up to kPacks packs a thread; twice that with `rest`, (kPacks, blockDim.x) packs of shared
/// memory.
template <int kWidth, int kPacks, bool kRest, class Adjust>
__device__ void layernorm_row_held(const LayernormRow<kWidth>& row, Pack<kWidth>* rest, Adjust adjust) {
  // Gamma and beta of short rows fit beside the row: loaded with it, nobody waits for them later.
  constexpr bool kHoldGammas = kPacks * kWidth <= kShortRowFloats;
  const int first = static_cast<int>(threadIdx.x), step = static_cast<int>(blockDim.x);
  const int after = first + kPacks * step;  // what registers hold comes the rest
  Pack<kWidth> held[kPacks];
  [[maybe_unused]] Pack<kWidth> gammas[kHoldGammas ? kPacks : 1], betas[kHoldGammas ? kPacks : 1];

  if constexpr (kRest) {
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      if (after + i * step < row.packs) held[i] = load_once(&row.x[after + i * step]);
    }
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      if (after + i * step < row.packs) rest[first + i * step] = held[i];
    }
  }
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    const int at = first + i * step;
    if (at >= row.packs) continue;
    held[i] = load_once(&row.x[at]);
    if constexpr (kHoldGammas) gammas[i] = row.gamma[at], betas[i] = row.beta[at];
  }

  Moments moments = {0.0f, 0.0f, 0.0f};
  if constexpr (kRest) {
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      if (after + i * step >= row.packs) continue;
      const Pack<kWidth> adjusted = adjust(rest[first + i * step], after + i * step);
      rest[first + i * step] = adjusted;
      moments = MergeMoments{}(moments, moments_of(adjusted));
    }
  }
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    if (first + i * step >= row.packs) continue;
    held[i] = adjust(held[i], first + i * step);
    moments = MergeMoments{}(moments, moments_of(held[i]));
  }
  moments = block_merge(moments, MergeMoments{});
  const float mean = moments.mean, rstd = row.finish(moments);

#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    const int at = first + i * step;
    if (at >= row.packs) continue;
    if constexpr (kHoldGammas) {
      store_once(&row.y[at], normalise(held[i], mean, rstd, gammas[i], betas[i]));
    } else {
      store_once(&row.y[at], normalise(held[i], mean, rstd, row.gamma[at], row.beta[at]));
    }
  }
  if constexpr (kRest) {
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      const int at = after + i * step;
      if (at >= row.packs) continue;
      const Pack<kWidth> adjusted = rest[first + i * step];
      store_once(&row.y[at], normalise(adjusted, mean, rstd, row.gamma[at], row.beta[at]));
    }
  }
}

template <int kWidth, class Adjust>
__device__ void layernorm_row_streamed(const LayernormRow<kWidth>& row, Adjust adjust) {
  constexpr int kAtOnce = 2;  // packs whose loads are on their way together; registers allow no more
  const int first = static_cast<int>(threadIdx.x), step = static_cast<int>(blockDim.x);
  Pack<kWidth> held[kAtOnce];
  Moments moments = {0.0f, 0.0f, 0.0f};
  for (int start = first; start < row.packs; start += kAtOnce * step) {
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (start + i * step < row.packs) held[i] = row.x[start + i * step];
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int at = start + i * step;
      if (at < row.packs) moments = MergeMoments{}(moments, moments_of(adjust(held[i], at)));
    }
  }
  moments = block_merge(moments, MergeMoments{});
  const float rstd = row.finish(moments);

  for (int start = first; start < row.packs; start += kAtOnce * step) {
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (start + i * step < row.packs) held[i] = load_once(&row.x[start + i * step]);
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int at = start + i * step;
      if (at >= row.packs) continue;
      const Pack<kWidth> adjusted = adjust(held[i], at);
      store_once(&row.y[at], normalise(adjusted, moments.mean, rstd, row.gamma[at], row.beta[at]));
    }
  }
}

/// All threads of the block call it, with RowLaunch::shared_bytes of dynamic shared memory at `rest`.
template <int kWidth, RowMode kMode, class Adjust>
__device__ void layernorm_row(const LayernormRow<kWidth>& row, Pack<kWidth>* rest, Adjust adjust) {
  constexpr int kPacks = (kMode == RowMode::kShort ? kShortRowFloats : kLongRowFloats) / kWidth;
  if constexpr (kMode == RowMode::kStreamed) {
    layernorm_row_streamed(row, adjust);
  } else {
    layernorm_row_held<kWidth, kPacks, kMode == RowMode::kSharedToo>(row, rest, adjust);
  }
}

}  // namespace wb
