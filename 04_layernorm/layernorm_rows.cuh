// LayerNorm of one row by one block, shared by layernorm_solution.cu and bias_layernorm_solution.cu: with
// kBias, a bias is added to each value after it is loaded. Fusing requires nothing else.
//
// layernorm_row_held reads the row once. Thread t has packs t, t + blockDim.x, t + 2 blockDim.x, ..., and all
// their loads are in flight before it uses the first. It keeps the packs in registers. If the row is too
// long, it keeps the rest in shared memory. No other thread reads these elements, so no barrier is needed.
// layernorm_row_streamed is for rows of any length. It reads the row twice, the second time mostly from the
// L2 cache.
//
// Bias, gamma and beta come from the L2 cache, and a thread that loads one pack, uses it and loads the next
// spends most of its time waiting. Therefore the loads of two packs of each are in flight before the first is
// used. More would take the registers that hold the row.
//
// T is the type in memory, float or bf16, and the type of what the block keeps. A bias comes with floats
// only, since the biased value is kept too.
#pragma once

#include <cuda_runtime.h>

#include "04_layernorm/layernorm_row_launch.h"
#include "04_layernorm/moments.cuh"
#include "04_layernorm/welford.cuh"
#include "common/core/float_pack.cuh"
#include "common/core/loads_ahead.cuh"
#include "common/core/pack.h"
#include "common/core/pack_lifetime.cuh"

namespace wb {

/// One row, and where its results go. Pointers are those of the row.
template <int kWidth, bool kBias, class T = float>
struct LayernormRow {
  const Pack<kWidth, T>* x;      // (C / kWidth)
  const Pack<kWidth, T>* bias;   // (C / kWidth), not looked at without kBias
  const Pack<kWidth, T>* gamma;  // (C / kWidth)
  const Pack<kWidth, T>* beta;   // (C / kWidth)
  Pack<kWidth, T>* y;            // (C / kWidth)
  float* mean;                   // (1)
  float* rstd;                   // (1)
  int packs;                     // C / kWidth
  float epsilon;

  /// Nobody adds what it returns without kBias.
  __device__ Pack<kWidth, T> bias_at(int at) const {
    if constexpr (kBias) return load_constant(&bias[at]);
    return {};
  }

  /// x + bias, or x without kBias.
  __device__ static Pack<kWidth> plus(Pack<kWidth> x, const Pack<kWidth, T>& bias) {
    if constexpr (kBias) {
      for (int j = 0; j < kWidth; ++j) x.values[j] += to_float(bias.values[j]);
    }
    return x;
  }

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

template <int kWidth, class T>
struct Affine {
  Pack<kWidth, T> gamma, beta;

  __device__ Pack<kWidth, T> y(const Pack<kWidth>& x, float mean, float rstd) const {
    return rounded_to<T>(normalize(x, mean, rstd, as_floats(gamma), as_floats(beta)));
  }
};

/// For rows of up to kPacks packs per thread; twice that with kRest and `rest`, (kPacks, blockDim.x) packs of
/// shared memory.
template <int kWidth, int kPacks, bool kRest, bool kBias, class T>
__device__ void layernorm_row_held(const LayernormRow<kWidth, kBias, T>& row, Pack<kWidth, T>* rest) {
  // Gamma and beta of short rows fit beside the row: loaded with it, nobody waits for them later.
  constexpr bool kHoldAffine = kPacks * kWidth <= kShortRowFloats;
  const int first = static_cast<int>(threadIdx.x);
  // Where the compiler knows it, the packs of a thread are at fixed distances.
  const int step = kRest ? kLongRowThreads : static_cast<int>(blockDim.x);
  const int after = first + kPacks * step;  // what registers hold comes the rest
  const auto load_affine = [&row](int, int at) {
    return Affine<kWidth, T>{load_constant(&row.gamma[at]), load_constant(&row.beta[at])};
  };
  Pack<kWidth, T> held[kPacks];
  [[maybe_unused]] Affine<kWidth, T> affines[kHoldAffine ? kPacks : 1];

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
    if constexpr (kHoldAffine) affines[i] = load_affine(i, at);
  }

  Moments moments = {0.0f, 0.0f, 0.0f};
  const auto load_bias = [&row](int, int at) { return row.bias_at(at); };
  const auto take = [&row, &moments](Pack<kWidth, T>& place, const Pack<kWidth, T>& bias) {
    const Pack<kWidth> z = row.plus(as_floats(place), bias);
    if constexpr (kBias) place = z;
    moments = MergeMoments{}(moments, moments_of(z));
  };
  if constexpr (kRest) {
    with_loads_ahead<kPacks>(after, step, row.packs, load_bias, [&](int i, int, const Pack<kWidth, T>& bias) {
      take(rest[first + i * step], bias);
    });
  }
  with_loads_ahead<kPacks>(first, step, row.packs, load_bias,
                           [&](int i, int, const Pack<kWidth, T>& bias) { take(held[i], bias); });
  moments = block_merge(moments, MergeMoments{});
  const float mean = moments.mean, rstd = row.finish(moments);

  const auto held_affine = [&](int i, int at) {
    if constexpr (kHoldAffine)
      return affines[i];
    else
      return load_affine(i, at);
  };
  with_loads_ahead<kPacks>(first, step, row.packs, held_affine,
                           [&](int i, int at, const Affine<kWidth, T>& affine) {
                             store_once(&row.y[at], affine.y(as_floats(held[i]), mean, rstd));
                           });
  if constexpr (kRest) {
    with_loads_ahead<kPacks>(
        after, step, row.packs, load_affine, [&](int i, int at, const Affine<kWidth, T>& affine) {
          store_once(&row.y[at], affine.y(as_floats(rest[first + i * step]), mean, rstd));
        });
  }
}

template <int kWidth, bool kBias, class T>
__device__ void layernorm_row_streamed(const LayernormRow<kWidth, kBias, T>& row) {
  constexpr int kAtOnce = 2;  // packs whose loads are on their way together; registers allow no more
  const int first = static_cast<int>(threadIdx.x), step = static_cast<int>(blockDim.x);
  Pack<kWidth, T> held[kAtOnce];
  Moments moments = {0.0f, 0.0f, 0.0f};
  for (int start = first; start < row.packs; start += kAtOnce * step) {
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (start + i * step < row.packs) held[i] = row.x[start + i * step];
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int at = start + i * step;
      if (at < row.packs)
        moments = MergeMoments{}(moments, moments_of(row.plus(as_floats(held[i]), row.bias_at(at))));
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
      const Pack<kWidth> biased = row.plus(as_floats(held[i]), row.bias_at(at));
      store_once(&row.y[at], Affine<kWidth, T>{row.gamma[at], row.beta[at]}.y(biased, moments.mean, rstd));
    }
  }
}

/// All threads of the block call it, with RowLaunch::shared_bytes of dynamic shared memory at `rest`.
template <RowMode kMode, int kWidth, bool kBias, class T>
__device__ void layernorm_row(const LayernormRow<kWidth, kBias, T>& row, void* rest) {
  constexpr int kPacks = (kMode == RowMode::kShort ? kShortRowFloats : kLongRowFloats) / kWidth;
  if constexpr (kMode == RowMode::kStreamed) {
    layernorm_row_streamed(row);
  } else {
    layernorm_row_held<kWidth, kPacks, kMode == RowMode::kSharedToo>(row,
                                                                     static_cast<Pack<kWidth, T>*>(rest));
  }
}

}  // namespace wb
