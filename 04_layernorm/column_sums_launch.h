// How many threads and blocks backward kernels of normalizations take, this chapter's and the next one's: a
// block walks over many rows, and each of its threads keeps the sums of some columns in shared memory.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>

#include "common/core/device_attribute.h"
#include "common/core/shared_memory.h"

namespace wb {

inline constexpr int kThreadsPerMultiprocessor = 1024;  // with 64 registers each

/// The most threads of a block, in whole warps, that can each have a float of shared memory for `columns`
/// columns. Not every GPU gives a block the 128 KiB that 32768 columns need: then it owns fewer.
inline int most_threads_with_sums(int columns) {
  const int allowed = shared_memory_per_block() - 1024;  // some for the sums of rows
  return allowed / static_cast<int>(columns * sizeof(float)) / 32 * 32;
}

/// (blocks that share the rows, slices of the columns). As many blocks as the device holds at once, but no
/// more than there are `groups` of rows that a block takes together, nor than scratch has room for.
inline dim3 column_sums_grid(int groups, int room, int threads_of_block, int slices) {
  const int resident = device_attribute(cudaDevAttrMultiProcessorCount) *
                       std::max(1, kThreadsPerMultiprocessor / threads_of_block);
  return dim3(static_cast<unsigned>(std::min({groups, resident, room})), static_cast<unsigned>(slices));
}

}  // namespace wb
