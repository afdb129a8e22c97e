// What this process computes on: the CUDA device, or the CPU device of common/simt.
#pragma once

#include <cstddef>
#include <string>

namespace wb {

struct DeviceInfo {
  std::string kind;            // "cuda" or "cpu"
  std::string name;            // as the driver or the operating system calls it
  int multiprocessors = 0;     // SMs; on the CPU device the host's logical cores
  int compute_capability = 0;  // 90 for sm_90; 0 on the CPU device
  std::size_t memory_bytes = 0;
  std::size_t l2_bytes = 0;     // the last cache before memory: L2 of a GPU, usually L3 of a CPU
  std::string driver_version;   // the CUDA version that the driver supports; empty on the CPU device
  std::string runtime_version;  // the CUDA runtime's version; empty on the CPU device
  /// Data-sheet figures from the clocks that the device reports; 0 if it reports none. The roofs are measured
  /// values, not these.
  double peak_bytes_per_second = 0;
  double peak_fp32_flops = 0;  // without tensor cores
};

/// Device 0, asked once. Throws Error with advice when a CUDA build finds no usable GPU.
const DeviceInfo& device_info();

/// One line for people: "NVIDIA H200, 132 SMs, 139.8 GiB" or "CPU device (simt): <model>, 2 cores".
std::string describe_device();

/// True if timings are of the CPU, and only ratios within one run may be quoted.
bool device_is_cpu();

/// What the CPU device said about the last error: kernel, block, thread and line. Empty on a CUDA device,
/// which does not report it (compute-sanitizer does), and before any error.
std::string device_explanation();

struct HostInfo {
  std::string cpu;     // model name
  int cores = 0;       // logical
  std::string system;  // kernel name and release
};
HostInfo host_info();

}  // namespace wb
