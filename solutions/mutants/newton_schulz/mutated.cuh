// What the mutants of newton_schulz share: right kernels, which a mutant's launcher
// calls in a wrong way or replaces.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "02_matmul/newton_schulz_check.h"
#include "02_matmul/newton_schulz_sum.cuh"
#include "common/core/registry.h"

namespace wb::mutant {

inline constexpr int kThreads = kSumThreads;

inline __device__ std::int64_t first_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
inline __device__ std::int64_t grid_threads() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

// This thread's share of ||x||^2.
inline __device__ float own_squares(const float* x, std::int64_t size) {
  float sum = 0.0f;
  for (std::int64_t i = first_index(); i < size; i += grid_threads()) sum += x[i] * x[i];
  return sum;
}

inline __device__ void scale_by(const float* x, float* out, std::int64_t size, float scale) {
  for (std::int64_t i = first_index(); i < size; i += grid_threads()) out[i] = scale * x[i];
}

// poly = a I + b gram
inline __device__ void start_polynomial(const float* gram, float* poly, int s) {
  const std::int64_t size = static_cast<std::int64_t>(s) * s;
  for (std::int64_t i = first_index(); i < size; i += grid_threads()) {
    poly[i] = kNewtonSchulzB * gram[i] + (i / s == i % s ? kNewtonSchulzA : 0.0f);
  }
}

inline unsigned blocks_for(std::int64_t size) {
  return static_cast<unsigned>(
      std::min<std::int64_t>((size + kThreads - 1) / kThreads, kNewtonSchulzPartials));
}

}  // namespace wb::mutant
