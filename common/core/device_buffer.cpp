#include "common/core/device_buffer.h"

#include <algorithm>
#include <mutex>

namespace wb {
namespace {

std::mutex g_mutex;
MemoryUse g_use;

}  // namespace

MemoryUse device_memory_use() {
  const std::lock_guard lock(g_mutex);
  return g_use;
}

void reset_peak_device_memory() {
  const std::lock_guard lock(g_mutex);
  g_use.peak = g_use.current;
}

namespace detail {

void* allocate_device(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* pointer = nullptr;
  WB_CUDA_CHECK(cudaMalloc(&pointer, bytes));
  const std::lock_guard lock(g_mutex);
  g_use.current += bytes;
  g_use.peak = std::max(g_use.peak, g_use.current);
  return pointer;
}

void free_device(void* pointer, std::size_t bytes) noexcept {
  if (pointer == nullptr) return;
  // A destructor cannot throw, and after a sticky error cudaFree fails for a reason already reported.
  static_cast<void>(cudaFree(pointer));
  const std::lock_guard lock(g_mutex);
  g_use.current -= bytes;
}

}  // namespace detail
}  // namespace wb
