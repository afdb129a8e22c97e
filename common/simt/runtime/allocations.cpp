#include "runtime/allocations.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <mutex>

#include "runtime/far.h"
#include "runtime/host_memory.h"
#include "runtime/inspector.h"
#include "runtime/program_watch.h"

namespace simt::detail {
namespace {

constexpr std::size_t kAlignment = 256;  // of every cudaMalloc
constexpr std::size_t kLarge = 64 << 20;

constexpr std::size_t kLargeBesideFar = std::size_t{1} << 30;

// Never destroyed: static objects of the program may free device memory after main has returned.
struct State {
  std::mutex mutex;
  std::map<std::uintptr_t, Allocation> allocations;
  std::array<Allocation, 64> freed;  // the latest
  std::size_t freed_count = 0;
  std::size_t device_bytes = 0;
};
State& state() {
  // Not on the heap, because the test harness watches the heap for changes.
  alignas(State) static unsigned char storage[sizeof(State)];
  static State& forever = *new (storage) State;
  return forever;
}

std::size_t page() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

bool counts(cudaMemoryType type) {
  return type == cudaMemoryTypeDevice || type == cudaMemoryTypeManaged;
}

// The caller holds the mutex.
void unmap(const Allocation& allocation) {
  if (allocation.mapping == nullptr) return;
  if (program_watch != nullptr) program_watch->freed(reinterpret_cast<void*>(allocation.address));
  if (inspector != nullptr && counts(allocation.type) && !allocation.far) {
    inspector->deallocate(allocation.mapping, allocation.bytes);
  } else {
    munmap(allocation.mapping, allocation.mapping_bytes);
  }
  if (counts(allocation.type) && !allocation.far) state().device_bytes -= allocation.bytes;
  state().freed[state().freed_count++ % state().freed.size()] = allocation;
}

}  // namespace

cudaError_t allocate(void** pointer, std::size_t bytes, cudaMemoryType type) {
  if (pointer == nullptr) return cudaErrorInvalidValue;
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (bytes > host_memory_total()) return cudaErrorMemoryAllocation;
  // There is no memory for a copy of an operand that is larger than memory.
  if (only_last != 0 && bytes >= kLargeBesideFar) return cudaErrorMemoryAllocation;
  const std::size_t padded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  const std::size_t pages = (padded + page() - 1) / page() * page();
  const std::size_t mapped = pages + 2 * page();

  const std::lock_guard lock(state().mutex);
  if (counts(type) && state().device_bytes + bytes > host_memory_total()) return cudaErrorMemoryAllocation;
  // Return an error instead of memory whose use would make the system kill the process.
  if (bytes >= kLarge && bytes > host_memory_available()) return cudaErrorMemoryAllocation;
  if (inspector != nullptr && counts(type)) {
    void* watched = inspector->allocate(bytes);
    if (watched == nullptr) return cudaErrorMemoryAllocation;
    std::memset(watched, 0xff, bytes);
    const auto address = reinterpret_cast<std::uintptr_t>(watched);
    state().allocations[address] = {address, bytes, type, static_cast<char*>(watched), bytes};
    state().device_bytes += bytes;
    *pointer = watched;
    if (program_watch != nullptr) program_watch->allocated(watched, bytes);
    return cudaSuccess;
  }
  void* memory = mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return cudaErrorMemoryAllocation;
  char* mapping = static_cast<char*>(memory);
  if (mprotect(mapping + page(), pages, PROT_READ | PROT_WRITE) != 0) {
    munmap(memory, mapped);
    return cudaErrorMemoryAllocation;
  }
  // The end, not the start, is next to a guard page, because most mistakes go past the end.
  char* start = mapping + page() + (pages - padded);
  std::memset(start, 0xff, bytes);
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  state().allocations[address] = {address, bytes, type, mapping, mapped};
  if (counts(type)) state().device_bytes += bytes;
  *pointer = start;
  if (program_watch != nullptr) program_watch->allocated(start, bytes);
  return cudaSuccess;
}

cudaError_t deallocate(void* pointer, bool host) {
  if (pointer == nullptr) return cudaSuccess;
  const std::lock_guard lock(state().mutex);
  const auto found = state().allocations.find(reinterpret_cast<std::uintptr_t>(pointer));
  if (found == state().allocations.end() || found->second.mapping == nullptr ||
      (found->second.type == cudaMemoryTypeHost) != host) {
    return cudaErrorInvalidValue;
  }
  unmap(found->second);
  state().allocations.erase(found);
  return cudaSuccess;
}

void deallocate_all_device() {
  const std::lock_guard lock(state().mutex);
  std::erase_if(state().allocations, [](const auto& entry) {
    if (!counts(entry.second.type) || entry.second.mapping == nullptr) return false;
    unmap(entry.second);
    return true;
  });
}

void note(void* pointer, std::size_t bytes, cudaMemoryType type) {
  const std::lock_guard lock(state().mutex);
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  state().allocations[address] = {address, bytes, type, nullptr, 0};
}

void adopt_far(char* start, std::size_t bytes, char* mapping, std::size_t mapping_bytes) {
  const std::lock_guard lock(state().mutex);
  const auto address = reinterpret_cast<std::uintptr_t>(start);
  state().allocations[address] = {address, bytes, cudaMemoryTypeDevice, mapping, mapping_bytes, true};
}

bool forget(void* pointer) {
  const std::lock_guard lock(state().mutex);
  return state().allocations.erase(reinterpret_cast<std::uintptr_t>(pointer)) == 1;
}

std::optional<Allocation> find_allocation(const void* pointer) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  const std::lock_guard lock(state().mutex);
  auto after = state().allocations.upper_bound(address);
  if (after == state().allocations.begin()) return std::nullopt;
  const Allocation& candidate = std::prev(after)->second;
  if (address - candidate.address >= candidate.bytes) return std::nullopt;
  return candidate;
}

bool beside_far(const void* pointer) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  const std::lock_guard lock(state().mutex);
  return std::any_of(state().allocations.begin(), state().allocations.end(), [&](const auto& entry) {
    const Allocation& a = entry.second;
    return a.far && address - reinterpret_cast<std::uintptr_t>(a.mapping) < a.mapping_bytes &&
           address - a.address >= a.bytes;
  });
}

std::size_t device_bytes_in_use() {
  const std::lock_guard lock(state().mutex);
  return state().device_bytes;
}

// Called while a fault is handled: the thread that holds the mutex may never release it.
std::string describe_address(std::uintptr_t address) {
  const std::unique_lock lock(state().mutex, std::try_to_lock);
  if (!lock.owns_lock()) return "";
  const auto inside = [&](const Allocation& a) {
    const auto mapping = reinterpret_cast<std::uintptr_t>(a.mapping);
    return a.mapping != nullptr && address >= mapping && address - mapping < a.mapping_bytes;
  };
  for (const auto& [start, a] : state().allocations) {
    if (!inside(a)) continue;
    if (address >= start + a.bytes) {
      return fmt::format("{} bytes past the end of an allocation of {} bytes", address - (start + a.bytes),
                         a.bytes);
    }
    if (address < start) {
      return fmt::format("{} bytes before the start of an allocation of {} bytes", start - address, a.bytes);
    }
  }
  // The latest first, because addresses are used again.
  const auto& freed = state().freed;
  for (std::size_t age = 1; age <= std::min(freed.size(), state().freed_count); ++age) {
    const Allocation& a = freed[(state().freed_count - age) % freed.size()];
    if (inside(a)) return fmt::format("in an allocation of {} bytes that was freed", a.bytes);
  }
  return "";
}

}  // namespace simt::detail
