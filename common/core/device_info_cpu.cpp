// The CPU device is the host: its cores, memory and last-level cache as Linux describes them.
#include <simt/failure.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "common/core/device_info.h"

namespace wb {
namespace {

std::size_t last_level_cache_bytes() {
  std::size_t largest = 0;
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator("/sys/devices/system/cpu/cpu0/cache", ignored)) {
    std::ifstream file(entry.path() / "size");  // "32K" or "1M"
    std::size_t size = 0;
    char unit = ' ';
    if (file >> size >> unit) largest = std::max(largest, size << (unit == 'M' ? 20 : unit == 'K' ? 10 : 0));
  }
  return largest;
}

DeviceInfo query() {
  const HostInfo host = host_info();
  DeviceInfo info;
  info.kind = "cpu";
  info.name = host.cpu;
  info.multiprocessors = host.cores;
  info.memory_bytes =
      static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGE_SIZE));
  info.l2_bytes = last_level_cache_bytes();
  return info;
}

}  // namespace

std::string device_explanation() {
  return simt::last_explanation();
}

const DeviceInfo& device_info() {
  static const DeviceInfo info = query();
  return info;
}

}  // namespace wb
