#include "simt/far.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "runtime/allocations.h"
#include "runtime/far.h"
#include "runtime/order.h"

namespace simt {
namespace {

constexpr std::size_t kGuard = std::size_t{8}
                               << 30;  // how far a negative int as an index of floats can reach

std::size_t page() {
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::size_t whole_pages(std::size_t bytes) {
  return (bytes + page() - 1) / page() * page();
}

// Addresses without memory, with a guard at both ends; null if the system grants none.
void* reserve(std::size_t bytes) {
  void* memory =
      mmap(nullptr, bytes + 2 * kGuard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

// The array lies at the end of the addresses that were reserved for it.
void* adopt(void* reserved, std::size_t bytes) {
  char* const start = static_cast<char*>(reserved) + kGuard + whole_pages(bytes) - (bytes + 15) / 16 * 16;
  detail::adopt_far(start, bytes, static_cast<char*>(reserved), whole_pages(bytes) + 2 * kGuard);
  return start;
}

bool show(char* at, std::size_t bytes, int file) {
  return mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED;
}

bool fill_window(int file, std::size_t window, int fill) {
  if (ftruncate(file, static_cast<off_t>(window)) != 0) return false;
  void* memory = mmap(nullptr, window, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return false;
  std::memset(memory, fill, window);
  munmap(memory, window);
  return true;
}

}  // namespace

void* allocate_far(std::size_t bytes, std::size_t window, int fill) {
  if (window == 0 || window % page() != 0 || bytes < 3 * window) return nullptr;
  const std::size_t mapped = whole_pages(bytes);
  void* memory = reserve(mapped);
  if (memory == nullptr) return nullptr;
  char* const first = static_cast<char*>(memory) + kGuard;
  const std::size_t last = mapped - window;  // where the last window starts
  const int file = memfd_create("simt_far", MFD_CLOEXEC);
  bool done = file >= 0 && fill_window(file, window, fill);
  for (std::size_t at = window; done && at < last; at += window) {
    done = show(first + at, last - at < window ? last - at : window, file);
  }
  if (file >= 0) close(file);
  done = done && mprotect(first, window, PROT_READ | PROT_WRITE) == 0 &&
         mprotect(first + last, window, PROT_READ | PROT_WRITE) == 0;
  if (!done) {
    munmap(memory, mapped + 2 * kGuard);
    return nullptr;
  }
  std::memset(first, fill, window);
  std::memset(first + last, fill, window);
  return adopt(memory, bytes);
}

void* allocate_far_zeros(std::size_t bytes) {
  void* memory = reserve(whole_pages(bytes));
  if (memory == nullptr) return nullptr;
  if (mprotect(static_cast<char*>(memory) + kGuard, whole_pages(bytes), PROT_READ | PROT_WRITE) != 0) {
    munmap(memory, whole_pages(bytes) + 2 * kGuard);
    return nullptr;
  }
  return adopt(memory, bytes);
}

namespace detail {
constinit std::atomic<std::uint64_t> only_first{0}, only_last{0};
constinit std::atomic<int> pretended_multiprocessors{0};
}  // namespace detail

void run_only_ends(std::uint64_t first, std::uint64_t last) {
  detail::only_first = first;
  detail::only_last = last;
}
void run_last_block_first(bool first) {
  detail::last_block_first = first;
}
void pretend_multiprocessors(int count) {
  detail::pretended_multiprocessors = count;
}

}  // namespace simt
