#include "inspector/device_memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>

namespace simt::inspector {

constinit DeviceMemory device_memory;

namespace {

constexpr std::uintptr_t kPage = 4096;
// The gap between allocations, so that a wrong index does not reach another allocation. Addresses are not
// used again: the gaps become smaller after some ten thousand allocations, or if the system grants few
// addresses.
constexpr std::size_t kLeastGap = 64 << 10, kMostGap = 64 << 20, kGapsLeft = 1 << 14;

struct Block {
  std::size_t bytes;
  bool freed;
};
// By address. Never destroyed: memory may be freed after main has returned.
std::map<std::uintptr_t, Block>& blocks() {
  static auto& forever = *new std::map<std::uintptr_t, Block>;
  return forever;
}

void* map(std::size_t bytes) {
  void* memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

// Gives pages back to the system: they read as zeros.
void drop(void* memory, std::size_t bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = (address + kPage - 1) / kPage * kPage;
  const std::uintptr_t end = (address + bytes) / kPage * kPage;
  if (first >= end) {
    std::memset(memory, 0, bytes);
    return;
  }
  std::memset(memory, 0, first - address);
  std::memset(reinterpret_cast<void*>(end), 0, address + bytes - end);
  madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
}

}  // namespace

// Addresses take no memory until they are accessed. Systems differ in how many they grant.
bool DeviceMemory::reserve() {
  for (std::size_t size = std::size_t{1} << 40; size >= std::size_t{1} << 34; size /= 4) {
    void* memory = map(size);
    void* states = map(size / 4);
    void* cells = map(size / 4 * sizeof(Cell));
    if (memory != nullptr && states != nullptr && cells != nullptr) {
      base_ = next_ = reinterpret_cast<std::uintptr_t>(memory);
      size_ = size;
      state_ = static_cast<unsigned char*>(states);
      cells_ = static_cast<Cell*>(cells);
      return true;
    }
    if (memory != nullptr) munmap(memory, size);
    if (states != nullptr) munmap(states, size / 4);
    if (cells != nullptr) munmap(cells, size / 4 * sizeof(Cell));
  }
  return false;
}

// `change` gets the state of four bytes, and a mask with a bit for each byte to change.
template <class Change>
void DeviceMemory::change(std::uintptr_t address, std::size_t bytes, Change change) {
  const std::uintptr_t end = address + bytes;
  for (std::uintptr_t at = address & ~std::uintptr_t{3}; at < end; at += 4) {
    unsigned mask = 0xf;
    if (at < address) mask &= 0xfu << (address - at);
    if (end - at < 4) mask &= (1u << (end - at)) - 1;
    change(state(at), mask);
  }
}

void* DeviceMemory::allocate(std::size_t bytes) {
  const std::size_t room = base_ + size_ - next_;
  const std::size_t gap = std::clamp(std::max(bytes, room / kGapsLeft), kLeastGap, kMostGap);
  const std::uintptr_t start = (next_ + gap + kPage - 1) / kPage * kPage;
  if (bytes > size_ || start + bytes + gap > base_ + size_) return nullptr;
  next_ = start + bytes;
  blocks()[start] = {bytes, false};
  change(start, bytes,
         [](unsigned char& s, unsigned mask) { s = static_cast<unsigned char>(s | mask << 4); });
  return reinterpret_cast<void*>(start);
}

void DeviceMemory::deallocate(void* pointer, std::size_t bytes) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  blocks()[address].freed = true;
  const std::size_t granules = (bytes + 3) / 4;
  drop(pointer, bytes);
  drop(&state(address), granules);
  drop(&cell(address), granules * sizeof(Cell));
}

void DeviceMemory::set_written(std::uintptr_t address, std::size_t bytes, bool written) {
  change(address, bytes, [written](unsigned char& s, unsigned mask) {
    s = static_cast<unsigned char>(written ? s | mask : s & ~mask);
  });
}

void DeviceMemory::forbid(std::uintptr_t address, std::size_t bytes) {
  change(address, bytes,
         [](unsigned char& s, unsigned mask) { s = static_cast<unsigned char>(s & ~(mask << 4)); });
}

bool DeviceMemory::was_freed(std::uintptr_t address) const {
  const auto after = blocks().upper_bound(address);
  if (after == blocks().begin()) return false;
  const auto& [start, block] = *std::prev(after);
  return block.freed && address - start < block.bytes;
}

// An array is a range that may be accessed: an allocation, or the part between its canaries.
std::string DeviceMemory::describe(std::uintptr_t address) {
  const auto length = [&](std::uintptr_t from, int step) {
    std::uintptr_t at = from;
    while (holds(at) && may_touch(at)) at += static_cast<std::uintptr_t>(step);
    return step > 0 ? at - from : from - at;
  };
  if (may_touch(address)) {
    const std::uintptr_t before = length(address, -1) - 1;
    return fmt::format("byte {} of an array of {} bytes", before, before + length(address, 1));
  }
  const auto after = blocks().upper_bound(address);
  if (was_freed(address)) {
    const auto& [start, block] = *std::prev(after);
    return fmt::format("byte {} of an array of {} bytes that was freed", address - start, block.bytes);
  }

  // The nearest byte on either side, in the allocation that holds the address or in those beside it.
  std::uintptr_t below = 0, above = 0;
  const auto look_in = [&](std::uintptr_t start, const Block& block) {
    if (block.freed) return;
    const std::uintptr_t end = start + block.bytes;
    for (std::uintptr_t at = std::min(address, end); below == 0 && at-- > start;) {
      if (may_touch(at)) below = at;
    }
    for (std::uintptr_t at = std::max(address, start); above == 0 && at < end; ++at) {
      if (may_touch(at)) above = at;
    }
  };
  for (auto it = after; below == 0 && it != blocks().begin();) {
    --it;
    look_in(it->first, it->second);
  }
  for (auto it = after; above == 0 && it != blocks().end(); ++it) look_in(it->first, it->second);
  if (below != 0 && (above == 0 || address - below <= above - address)) {
    return fmt::format("{} bytes past the end of an array of {} bytes", address - below - 1,
                       length(below, -1));
  }
  if (above != 0) {
    return fmt::format("{} bytes before the start of an array of {} bytes", above - address,
                       length(above, 1));
  }
  return "far from every array";
}

}  // namespace simt::inspector
