// operator new and delete of test programs: they can record the blocks that the test allocates, and hash them
// before and after a call. A sanitizer has its own operators; then nothing is recorded.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

#include "common/harness/watched_call.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WB_OWN_OPERATORS 0
#else
#define WB_OWN_OPERATORS 1
#endif

namespace wb::detail {
namespace {

// The runtime's small records are on the same heap and change during a call; arrays of numbers are larger.
constexpr std::size_t kSmallest = 1024;

// Allocates without the operators below.
template <class T>
struct Malloc {
  using value_type = T;
  Malloc() = default;
  template <class U>
  Malloc(const Malloc<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(std::malloc(n * sizeof(T))); }
  void deallocate(T* pointer, std::size_t) { std::free(pointer); }
  bool operator==(const Malloc&) const { return true; }
};

struct Block {
  std::size_t bytes = 0;
  std::uint64_t hash = 0;
  bool hashed = false;
};
using Blocks = std::unordered_map<void*, Block, std::hash<void*>, std::equal_to<void*>,
                                  Malloc<std::pair<void* const, Block>>>;

std::mutex g_mutex;
Blocks* g_blocks = nullptr;  // null: nothing is noted
thread_local bool t_notes = false;

std::uint64_t hash_of(const void* data, std::size_t bytes) {
  const auto* at = static_cast<const unsigned char*>(data);
  std::uint64_t hash = 0x9e3779b97f4a7c15ULL ^ bytes;
  for (; bytes >= 8; bytes -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
    hash ^= hash >> 32;
  }
  for (; bytes != 0; --bytes, ++at) hash = (hash ^ *at) * 0xff51afd7ed558ccdULL;
  return hash;
}

}  // namespace

void watch_heap() {
  const std::lock_guard lock(g_mutex);
  if (g_blocks == nullptr && WB_OWN_OPERATORS) g_blocks = new (std::malloc(sizeof(Blocks))) Blocks;
  t_notes = g_blocks != nullptr;
}

void begin_foreign_call() {
  if (!t_notes) return;
  t_notes = false;
  const std::lock_guard lock(g_mutex);
  for (auto& [address, block] : *g_blocks) {
    block.hash = hash_of(address, block.bytes);
    block.hashed = true;
  }
}

std::size_t end_foreign_call() {
  if (g_blocks == nullptr) return 0;
  const std::lock_guard lock(g_mutex);
  std::size_t changed = 0;
  for (const auto& [address, block] : *g_blocks)
    changed += block.hashed && hash_of(address, block.bytes) != block.hash;
  t_notes = true;
  return changed;
}

#if WB_OWN_OPERATORS
namespace {

void* allocate(std::size_t bytes) {
  void* pointer = std::malloc(bytes == 0 ? 1 : bytes);
  if (pointer != nullptr && t_notes && bytes >= kSmallest) {
    const std::lock_guard lock(g_mutex);
    (*g_blocks)[pointer] = {bytes};
  }
  return pointer;
}

void deallocate(void* pointer, std::size_t bytes) {
  if (pointer != nullptr && g_blocks != nullptr && bytes >= kSmallest) {
    const std::lock_guard lock(g_mutex);
    g_blocks->erase(pointer);
  }
  std::free(pointer);
}

}  // namespace
#endif

}  // namespace wb::detail

#if WB_OWN_OPERATORS
void* operator new(std::size_t bytes) {
  void* pointer = wb::detail::allocate(bytes);
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}
void* operator new[](std::size_t bytes) {
  return operator new(bytes);
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return wb::detail::allocate(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return wb::detail::allocate(bytes);
}
// Without a size, any is possible.
void operator delete(void* pointer) noexcept {
  wb::detail::deallocate(pointer, SIZE_MAX);
}
void operator delete[](void* pointer) noexcept {
  wb::detail::deallocate(pointer, SIZE_MAX);
}
void operator delete(void* pointer, std::size_t bytes) noexcept {
  wb::detail::deallocate(pointer, bytes);
}
void operator delete[](void* pointer, std::size_t bytes) noexcept {
  wb::detail::deallocate(pointer, bytes);
}
void operator delete(void* pointer, const std::nothrow_t&) noexcept {
  wb::detail::deallocate(pointer, SIZE_MAX);
}
void operator delete[](void* pointer, const std::nothrow_t&) noexcept {
  wb::detail::deallocate(pointer, SIZE_MAX);
}
#endif
