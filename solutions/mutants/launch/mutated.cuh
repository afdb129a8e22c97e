// What the mutants of launch share: a right kernel, and right lanes for those in pieces.
#pragma once

#include <algorithm>
#include <cstdint>

#include "01_vector_add/launch.h"
#include "common/core/registry.h"

namespace wb::mutant {

inline constexpr int kThreads = 256;

static __global__ void add_kernel(const float* a,  // (n)
                                  const float* b,  // (n)
                                  float* out,      // (n)
                                  std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

inline std::size_t bytes_of(std::int64_t n) {
  return static_cast<std::size_t>(n) * sizeof(float);
}

inline unsigned blocks_for(std::int64_t n, int threads = kThreads) {
  return static_cast<unsigned>((n + threads - 1) / threads);
}

// The first error counts.
inline void keep_first(cudaError_t& error, cudaError_t next) {
  if (error == cudaSuccess) error = next;
}

struct Lane {
  cudaStream_t stream = nullptr;
  float* a = nullptr;    // (piece)
  float* b = nullptr;    // (piece)
  float* out = nullptr;  // (piece)
};

inline cudaError_t open(Lane& lane, std::int64_t piece) {
  cudaError_t error = cudaStreamCreate(&lane.stream);
  if (error == cudaSuccess) error = cudaMalloc(&lane.a, bytes_of(piece));
  if (error == cudaSuccess) error = cudaMalloc(&lane.b, bytes_of(piece));
  if (error == cudaSuccess) error = cudaMalloc(&lane.out, bytes_of(piece));
  return error;
}

inline cudaError_t close(Lane& lane) {
  cudaError_t error = cudaSuccess;
  for (float* memory : {lane.a, lane.b, lane.out}) keep_first(error, cudaFree(memory));
  if (lane.stream != nullptr) keep_first(error, cudaStreamDestroy(lane.stream));
  return error;
}

}  // namespace wb::mutant
