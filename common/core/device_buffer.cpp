#include "common/core/device_buffer.h"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "common/core/device_recycling.h"

namespace wb {
namespace {

std::mutex g_mutex;
MemoryUse g_use;

std::vector<std::pair<void*, std::size_t>> g_kept;  // freed while memory is recycled
bool g_recycling = false;

void* take_kept(std::size_t bytes) {
  const std::lock_guard lock(g_mutex);
  const auto found =
      std::find_if(g_kept.rbegin(), g_kept.rend(), [&](const auto& kept) { return kept.second == bytes; });
  if (found == g_kept.rend()) return nullptr;
  void* pointer = found->first;
  g_kept.erase(std::next(found).base());
  return pointer;
}

bool keep(void* pointer, std::size_t bytes) {
  const std::lock_guard lock(g_mutex);
  if (g_recycling) g_kept.emplace_back(pointer, bytes);
  return g_recycling;
}

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
  void* pointer = take_kept(bytes);
  if (pointer != nullptr) return pointer;
  WB_CUDA_CHECK(cudaMalloc(&pointer, bytes));
  const std::lock_guard lock(g_mutex);
  g_use.current += bytes;
  g_use.peak = std::max(g_use.peak, g_use.current);
  return pointer;
}

void free_device(void* pointer, std::size_t bytes) noexcept {
  if (pointer == nullptr || keep(pointer, bytes)) return;
  // A destructor cannot throw, and after a sticky error cudaFree fails for a reason already reported.
  static_cast<void>(cudaFree(pointer));
  const std::lock_guard lock(g_mutex);
  g_use.current -= bytes;
}

}  // namespace detail

RecycledDeviceMemory::RecycledDeviceMemory() {
  g_recycling = true;
}

RecycledDeviceMemory::~RecycledDeviceMemory() {
  g_recycling = false;
  for (const auto& [pointer, bytes] : std::exchange(g_kept, {})) detail::free_device(pointer, bytes);
}

}  // namespace wb
