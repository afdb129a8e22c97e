// The CUDA device 0, as its runtime describes it.
#include <cuda_runtime.h>
#include <fmt/format.h>

#include "common/core/device_info.h"
#include "common/core/error.h"

namespace wb {
namespace {

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

// 0 if the driver does not report it. Without a clock, only a data-sheet figure is unknown.
int attribute(cudaDeviceAttr name) {
  int value = 0;
  if (cudaDeviceGetAttribute(&value, name, 0) == cudaSuccess) return value;
  static_cast<void>(cudaGetLastError());
  return 0;
}

// fp32 units of one SM, by compute capability (CUDA C++ Programming Guide, arithmetic instructions).
int fp32_lanes(int capability) {
  switch (capability) {
    case 60:
    case 70:
    case 72:
    case 75:
    case 80:
      return 64;
    default:
      return 128;
  }
}

DeviceInfo query() {
  int devices = 0;
  const cudaError_t code = cudaGetDeviceCount(&devices);
  if (code != cudaSuccess || devices == 0) {
    throw Error(fmt::format(
        "this is a CUDA build, but there is no usable GPU: {}; run ./workbook doctor, or build for "
        "the CPU device: cmake --preset cpu",
        code == cudaSuccess ? "no device" : cudaGetErrorString(code)));
  }
  cudaDeviceProp properties{};
  WB_CUDA_CHECK(cudaGetDeviceProperties(&properties, 0));
  int driver = 0, runtime = 0;
  WB_CUDA_CHECK(cudaDriverGetVersion(&driver));
  WB_CUDA_CHECK(cudaRuntimeGetVersion(&runtime));

  DeviceInfo info;
  info.kind = "cuda";
  info.name = properties.name;
  info.multiprocessors = properties.multiProcessorCount;
  info.compute_capability = 10 * properties.major + properties.minor;
  info.memory_bytes = properties.totalGlobalMem;
  info.l2_bytes = static_cast<std::size_t>(properties.l2CacheSize);
  info.driver_version = version_text(driver);
  info.runtime_version = version_text(runtime);
  // Clocks are in kHz; memory transfers twice a clock; a fused multiply-add is two FLOPs.
  info.peak_bytes_per_second =
      2e3 * attribute(cudaDevAttrMemoryClockRate) * attribute(cudaDevAttrGlobalMemoryBusWidth) / 8.0;
  info.peak_fp32_flops = 2e3 * attribute(cudaDevAttrClockRate) * fp32_lanes(info.compute_capability) *
                         static_cast<double>(info.multiprocessors);
  return info;
}

}  // namespace

std::string device_explanation() {
  return "";
}

const DeviceInfo& device_info() {
  static const DeviceInfo info = query();
  return info;
}

}  // namespace wb
