// The kernels of fix_gradient_norm for all wrong mends: Reduce::block_reduce is what differs.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "07_tinyllama/fixits/fix_gradient_norm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

struct Larger {
  // NaN where one of them is NaN, unlike fmaxf.
  __device__ float operator()(float a, float b) const { return a > b || isnan(a) ? a : b; }
};
struct Add {
  __device__ float operator()(float a, float b) const { return a + b; }
};

template <class Combine>
__device__ float warp_reduce(float value, Combine combine) {
  for (int distance = 16; distance > 0; distance /= 2) {
    value = combine(value, __shfl_xor_sync(0xffffffffu, value, distance));
  }
  return value;
}

template <class Combine>
__device__ float result_of(const float* of_warp, Combine combine) {
  float result = of_warp[0];
  for (int warp = 1; warp < kWarps; ++warp) result = combine(result, of_warp[warp]);
  return result;
}

// Block b has elements b * kThreads + thread, and then every (threads of the grid)-th.
template <class Reduce>
__global__ void blocks_kernel(const float* gradients,  // (n)
                              float* scratch,          // (2, gridDim.x): largest magnitudes, then sums
                              std::int64_t n) {
  __shared__ float of_warp[kWarps];
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;

  float largest = 0.0f;
  for (std::int64_t i = first; i < n; i += step) largest = Larger{}(largest, fabsf(gradients[i]));
  largest = Reduce::block_reduce(largest, of_warp, Larger{});

  float sum = 0.0f;
  if (largest > 0.0f) {
    for (std::int64_t i = first; i < n; i += step) {
      const float share = gradients[i] / largest;
      sum += share * share;
    }
  }
  sum = Reduce::block_reduce(sum, of_warp, Add{});

  if (threadIdx.x == 0) {
    scratch[blockIdx.x] = largest;
    scratch[gridDim.x + blockIdx.x] = sum;
  }
}

// One block: thread b has the results of block b.
template <class Reduce>
__global__ void join_kernel(const float* scratch,  // (2, blocks)
                            float* norm,           // (1)
                            float* factor,         // (1)
                            int blocks, float max_norm) {
  __shared__ float of_warp[kWarps];
  const int block = static_cast<int>(threadIdx.x);
  const float mine = block < blocks ? scratch[block] : 0.0f;
  const float largest = Reduce::block_reduce(mine, of_warp, Larger{});

  float sum = 0.0f;
  if (block < blocks && largest > 0.0f) {
    const float share = mine / largest;
    sum = share * share * scratch[blocks + block];
  }
  sum = Reduce::block_reduce(sum, of_warp, Add{});

  if (threadIdx.x != 0) return;
  const float length = isfinite(largest) ? largest * sqrtf(sum) : largest;
  *norm = length;
  *factor = !isfinite(length) ? 0.0f : length > max_norm ? max_norm / length : 1.0f;
}

inline unsigned blocks_for(std::int64_t n) {
  return static_cast<unsigned>(std::min<std::int64_t>((n - 1) / kThreads + 1, kGradientNormBlocks));
}

}  // namespace
}  // namespace wb
