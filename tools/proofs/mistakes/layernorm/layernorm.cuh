// What the wrong kernels of layernorm share: the parts of a kernel that are right. One block per row.
#pragma once

#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "04_layernorm/moments.cuh"
#include "common/core/registry.h"

namespace wb::mistake {

inline constexpr int kThreads = 256;

__device__ inline std::int64_t row_start(int c) {
  return blockIdx.x * static_cast<std::int64_t>(c);
}

__device__ inline float mean_of_row(const float* x, int c) {
  float sum = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x) sum += x[row_start(c) + i];
  return block_sum(sum) / c;
}

/// This thread's part of the squared distances from the mean.
__device__ inline float squares_of_thread(const float* x, float row_mean, int c) {
  float squares = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x)
    squares += (x[row_start(c) + i] - row_mean) * (x[row_start(c) + i] - row_mean);
  return squares;
}

__device__ inline void store_statistics(float* mean, float* rstd, float row_mean, float row_rstd) {
  if (threadIdx.x != 0) return;
  mean[blockIdx.x] = row_mean;
  rstd[blockIdx.x] = row_rstd;
}

__device__ inline void normalize_row(const float* x, const float* gamma, const float* beta, float* y,
                                     float row_mean, float row_rstd, int c) {
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    const std::int64_t at = row_start(c) + i;
    y[at] = (x[at] - row_mean) * row_rstd * gamma[i] + beta[i];
  }
}

/// dx of a row; calls add(i, part of dgamma[i], part of dbeta[i]) for each column.
template <class Add>
__device__ void backward_row(const float* dy, const float* x, const float* gamma, float row_mean,
                             float row_rstd, float* dx, int c, Add add) {
  const std::int64_t start = row_start(c);
  float sum = 0.0f, dot = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    const float xhat = (x[start + i] - row_mean) * row_rstd;
    sum += dy[start + i] * gamma[i];
    dot += dy[start + i] * gamma[i] * xhat;
  }
  const float mean_g = block_sum(sum) / c, mean_dot = block_sum(dot) / c;
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    const float xhat = (x[start + i] - row_mean) * row_rstd;
    dx[start + i] = row_rstd * (dy[start + i] * gamma[i] - mean_g - xhat * mean_dot);
    add(i, dy[start + i] * xhat, dy[start + i]);
  }
}

}  // namespace wb::mistake
