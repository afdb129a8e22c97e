#include "meter/memory.h"

#include <sys/mman.h>

#include <map>

namespace simt::meter {

constinit DeviceMemory device_memory;

namespace {

constexpr std::uintptr_t kPage = 4096;

// Bytes by address. Never destroyed: memory may be freed after main has returned.
std::map<std::uintptr_t, std::size_t>& blocks() {
  static auto& forever = *new std::map<std::uintptr_t, std::size_t>;
  return forever;
}

void* map(std::size_t bytes) {
  void* memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

// Addresses cost no memory until they are accessed. Systems differ in how many they grant.
bool DeviceMemory::reserve() {
  for (std::size_t size = std::size_t{1} << 40; size >= std::size_t{1} << 34; size /= 4) {
    void* memory = map(size);
    void* touched = map(size / kSectorBytes * sizeof(std::uint32_t));
    if (memory != nullptr && touched != nullptr) {
      base_ = next_ = reinterpret_cast<std::uintptr_t>(memory);
      size_ = size;
      touched_ = static_cast<std::uint32_t*>(touched);
      return true;
    }
    if (memory != nullptr) munmap(memory, size);
    if (touched != nullptr) munmap(touched, size / kSectorBytes * sizeof(std::uint32_t));
  }
  return false;
}

// A page lies between two allocations: an address just past one belongs to none.
void* DeviceMemory::allocate(std::size_t bytes) {
  const std::uintptr_t start = next_;
  if (bytes > size_ || start + bytes + 2 * kPage > base_ + size_) return nullptr;
  next_ = (start + bytes + 2 * kPage - 1) / kPage * kPage;
  blocks()[start] = bytes;
  return reinterpret_cast<void*>(start);
}

void DeviceMemory::deallocate(void* pointer, std::size_t bytes) {
  const auto start = reinterpret_cast<std::uintptr_t>(pointer);
  blocks().erase(start);
  madvise(pointer, (bytes + kPage - 1) / kPage * kPage, MADV_DONTNEED);
}

std::uintptr_t DeviceMemory::start_of(std::uintptr_t address) const {
  const auto after = blocks().upper_bound(address);
  if (after == blocks().begin()) return 0;
  const auto& [start, bytes] = *std::prev(after);
  return address - start < bytes ? start : 0;
}

}  // namespace simt::meter
