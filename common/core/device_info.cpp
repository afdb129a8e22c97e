#include "common/core/device_info.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <fstream>
#include <thread>

namespace wb {
namespace {

std::string cpu_model() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  utsname names{};
  return uname(&names) == 0 ? names.machine : "unknown CPU";
}

}  // namespace

bool device_is_cpu() {
  return device_info().kind == "cpu";
}

std::string describe_device() {
  const DeviceInfo& device = device_info();
  if (device.kind == "cpu") {
    return fmt::format("CPU device (simt): {}, {} core{}", device.name, device.multiprocessors,
                       device.multiprocessors == 1 ? "" : "s");
  }
  return fmt::format("{}, {} SMs, {:.1f} GiB, compute capability {}.{}", device.name, device.multiprocessors,
                     static_cast<double>(device.memory_bytes) / (1 << 30), device.compute_capability / 10,
                     device.compute_capability % 10);
}

HostInfo host_info() {
  HostInfo host;
  host.cpu = cpu_model();
  host.cores = static_cast<int>(std::thread::hardware_concurrency());
  utsname names{};
  if (uname(&names) == 0) host.system = fmt::format("{} {}", names.sysname, names.release);
  return host;
}

}  // namespace wb
