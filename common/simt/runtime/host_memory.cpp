#include "runtime/host_memory.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>

namespace simt::detail {
namespace {

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

// A file that holds one number; "max" and a missing file mean no limit.
std::size_t read_number(const char* path) {
  std::ifstream file(path);
  std::size_t value = 0;
  return file >> value ? value : kUnlimited;
}

// Control groups, version 2 and 1.
std::size_t container_limit() {
  return std::min(read_number("/sys/fs/cgroup/memory.max"),
                  read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
}

}  // namespace

std::size_t host_memory_total() {
  static const std::size_t bytes = std::min(
      static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)),
      container_limit());
  return bytes;
}

std::size_t host_memory_available() {
  std::size_t available = host_memory_total();
  std::ifstream info("/proc/meminfo");
  std::size_t kilobytes = 0;
  for (std::string word; info >> word;) {
    if (word != "MemAvailable:") continue;
    if (info >> kilobytes) available = std::min(available, kilobytes * 1024);
    break;
  }
  const std::size_t limit = container_limit();
  const std::size_t used = read_number("/sys/fs/cgroup/memory.current");
  if (limit != kUnlimited && used != kUnlimited)
    available = std::min(available, limit - std::min(limit, used));
  return available;
}

}  // namespace simt::detail
