// How much dynamic shared memory a block may have. GPUs differ, so a launcher asks before it chooses its
// tiles.
#pragma once

#include <cuda_runtime.h>

#include <climits>

#include "common/core/device_attribute.h"

namespace wb {

/// The largest shared memory per block on the smallest supported GPUs (Turing). An RTX 3060 or 4090 has 99
/// KiB, an H200 227.
inline constexpr int kLeastSharedMemory = 64 * 1024;

namespace detail {
inline int shared_memory_cap = INT_MAX;
}

/// The most dynamic shared memory that a block can have, in bytes.
inline int shared_memory_per_block() {
  const int most = device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
  return most < detail::shared_memory_cap ? most : detail::shared_memory_cap;
}

/// For tests: while it lives, shared_memory_per_block() is at most `bytes`, as on a smaller GPU.
class SmallerSharedMemory {
 public:
  explicit SmallerSharedMemory(int bytes) : before_(detail::shared_memory_cap) {
    detail::shared_memory_cap = bytes;
  }
  ~SmallerSharedMemory() { detail::shared_memory_cap = before_; }
  SmallerSharedMemory(const SmallerSharedMemory&) = delete;
  SmallerSharedMemory& operator=(const SmallerSharedMemory&) = delete;

 private:
  int before_;
};

}  // namespace wb
