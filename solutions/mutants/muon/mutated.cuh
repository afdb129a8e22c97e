// What the mutants of muon share: right kernels, which a mutant's launcher calls in a wrong way or replaces.
#pragma once

#include <cstdint>

#include "07_tinyllama/muon_check.h"
#include "common/core/registry.h"

namespace wb::mutant {

inline constexpr int kThreads = 256;

inline unsigned blocks_for(std::int64_t size) {
  return static_cast<unsigned>((size + kThreads - 1) / kThreads);
}

inline __device__ std::int64_t global_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

}  // namespace wb::mutant
