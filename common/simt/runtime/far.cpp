#include "simt/far.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "runtime/allocations.h"
#include "runtime/far.h"

namespace simt {
namespace {

constexpr int kFillByte = 0x3e;
constexpr std::size_t kGuard = std::size_t{1} << 30;  // a wrapped index faults near the array, not in another

bool show(char* at, std::size_t bytes, int file) {
  return mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED;
}

bool fill_window(int file, std::size_t window) {
  if (ftruncate(file, static_cast<off_t>(window)) != 0) return false;
  void* memory = mmap(nullptr, window, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return false;
  std::memset(memory, kFillByte, window);
  munmap(memory, window);
  return true;
}

}  // namespace

void* allocate_far(std::size_t bytes, std::size_t window) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  if (window == 0 || window % page != 0 || bytes < 3 * window) return nullptr;
  const std::size_t mapped = (bytes + page - 1) / page * page;
  void* memory =
      mmap(nullptr, mapped + 2 * kGuard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  char* const first = static_cast<char*>(memory) + kGuard;
  const std::size_t last = mapped - window;  // where the last window starts
  const int file = memfd_create("simt_far", MFD_CLOEXEC);
  bool done = file >= 0 && fill_window(file, window);
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
  std::memset(first, kFillByte, window);
  std::memset(first + last, kFillByte, window);
  char* const start = first + (mapped - (bytes + 15) / 16 * 16);
  detail::adopt_far(start, bytes, static_cast<char*>(memory), mapped + 2 * kGuard);
  return start;
}

namespace detail {
constinit std::atomic<std::uint64_t> only_ends{0};
}

void run_only_ends(std::uint64_t blocks) {
  detail::only_ends = blocks;
}

}  // namespace simt
