// One mapping for all kernels of this folder: thread i of the grid takes elements i, i + threads, i + 2
// threads, ... (coalesced), and keeps its own sums, which it writes to row i of an array. No barrier, no
// atomic: the host adds the rows, in order, so that the same arrays always give the same numbers.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

namespace wb::elements {

inline constexpr int kThreads = 128;
inline constexpr std::int64_t kMaxBlocks = 256;
inline constexpr std::int64_t kElementsPerThread = 16;

// The output function of SplitMix64 (Steele, Lea, Flood, 2014).
__host__ __device__ inline std::uint64_t mix(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

__device__ inline std::int64_t first_element() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline std::int64_t threads_of_grid() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

inline int blocks_for(std::int64_t n) {
  const std::int64_t per_block = kThreads * kElementsPerThread;
  return static_cast<int>(std::clamp<std::int64_t>((n + per_block - 1) / per_block, 1, kMaxBlocks));
}

inline std::size_t rows_for(std::int64_t n) {
  return static_cast<std::size_t>(blocks_for(n)) * kThreads;
}

}  // namespace wb::elements
