// The one device that the CPU simulates, with the limits of limits.h and the memory of this machine.
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "runtime/allocations.h"
#include "runtime/failure.h"
#include "runtime/far.h"
#include "runtime/host_memory.h"
#include "runtime/limits.h"
#include "runtime/scheduler.h"
#include "simt/api.h"

using namespace simt::detail;

namespace {

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "CPU";
}

int multiprocessors() {
  const int pretended = pretended_multiprocessors;
  return pretended != 0 ? pretended : static_cast<int>(Scheduler::get().workers());
}

cudaDeviceProp describe() {
  cudaDeviceProp p{};
  const std::string name =
      fmt::format("simt CPU device ({}, {} workers)", processor_name(), Scheduler::get().workers());
  std::strncpy(p.name, name.c_str(), sizeof(p.name) - 1);
  p.totalGlobalMem = host_memory_total();
  p.sharedMemPerBlock = kMaxSharedPerBlock;
  p.sharedMemPerBlockOptin = kMaxSharedPerBlockOptIn;
  p.sharedMemPerMultiprocessor = kSharedPerMultiprocessor;
  p.regsPerBlock = p.regsPerMultiprocessor = kRegistersPerBlock;
  p.warpSize = 32;
  p.memPitch = 2147483647;
  p.maxThreadsPerBlock = kMaxThreadsPerBlock;
  p.maxThreadsPerMultiProcessor = kMaxThreadsPerMultiprocessor;
  p.maxBlocksPerMultiProcessor = kMaxBlocksPerMultiprocessor;
  for (int i = 0; i < 3; ++i) {
    p.maxThreadsDim[i] = kMaxBlockDim[i];
    p.maxGridSize[i] = kMaxGridDim[i];
  }
  p.totalConstMem = kConstantMemory;
  p.major = 9;
  p.minor = 0;
  p.multiProcessorCount = multiprocessors();
  p.integrated = 1;
  p.canMapHostMemory = p.concurrentKernels = p.unifiedAddressing = p.managedMemory = p.memoryPoolsSupported =
      1;
  p.asyncEngineCount = 1;
  p.textureAlignment = 512;
  p.texturePitchAlignment = 32;
  p.surfaceAlignment = 512;
  p.hostNativeAtomicSupported = p.concurrentManagedAccess = 1;
  p.canUseHostPointerForRegisteredMem = p.hostRegisterSupported = 1;
  p.reservedSharedMemPerBlock = kReservedSharedPerBlock;
  p.clockRate = kClockRate;
  p.deviceOverlap = 1;
  const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
  p.l2CacheSize = cache > 0 ? static_cast<int>(cache) : 0;
  return p;
}

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  if (count == nullptr) return result(cudaErrorInvalidValue);
  *count = 1;
  return result(cudaSuccess);
}

cudaError_t cudaSetDevice(int device) {
  return result(device == 0 ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaGetDevice(int* device) {
  if (device == nullptr) return result(cudaErrorInvalidValue);
  *device = 0;
  return result(cudaSuccess);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (properties == nullptr) return result(cudaErrorInvalidValue);
  if (device != 0) return result(cudaErrorInvalidDevice);
  *properties = describe();
  return result(cudaSuccess);
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (value == nullptr) return result(cudaErrorInvalidValue);
  if (device != 0) return result(cudaErrorInvalidDevice);
  const auto of = [&]() -> int {
    switch (attribute) {
      case cudaDevAttrMaxThreadsPerBlock:
        return kMaxThreadsPerBlock;
      case cudaDevAttrMaxBlockDimX:
        return kMaxBlockDim[0];
      case cudaDevAttrMaxBlockDimY:
        return kMaxBlockDim[1];
      case cudaDevAttrMaxBlockDimZ:
        return kMaxBlockDim[2];
      case cudaDevAttrMaxGridDimX:
        return kMaxGridDim[0];
      case cudaDevAttrMaxGridDimY:
        return kMaxGridDim[1];
      case cudaDevAttrMaxGridDimZ:
        return kMaxGridDim[2];
      case cudaDevAttrMaxSharedMemoryPerBlock:
        return static_cast<int>(kMaxSharedPerBlock);
      case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        return static_cast<int>(kMaxSharedPerBlockOptIn);
      case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        return static_cast<int>(kSharedPerMultiprocessor);
      case cudaDevAttrTotalConstantMemory:
        return static_cast<int>(kConstantMemory);
      case cudaDevAttrWarpSize:
        return 32;
      case cudaDevAttrMaxRegistersPerBlock:
      case cudaDevAttrMaxRegistersPerMultiprocessor:
        return kRegistersPerBlock;
      case cudaDevAttrClockRate:
        return kClockRate;
      case cudaDevAttrMultiProcessorCount:
        return multiprocessors();
      case cudaDevAttrL2CacheSize:
        return describe().l2CacheSize;
      case cudaDevAttrMaxThreadsPerMultiProcessor:
        return kMaxThreadsPerMultiprocessor;
      case cudaDevAttrComputeCapabilityMajor:
        return 9;
      case cudaDevAttrMaxPitch:
        return 2147483647;
      case cudaDevAttrGpuOverlap:
      case cudaDevAttrIntegrated:
      case cudaDevAttrCanMapHostMemory:
      case cudaDevAttrConcurrentKernels:
      case cudaDevAttrAsyncEngineCount:
      case cudaDevAttrUnifiedAddressing:
      case cudaDevAttrHostNativeAtomicSupported:
      case cudaDevAttrConcurrentManagedAccess:
      case cudaDevAttrManagedMemory:
      case cudaDevAttrMemoryPoolsSupported:
        return 1;
      case cudaDevAttrSingleToDoublePrecisionPerfRatio:
        return 2;
      case cudaDevAttrPageableMemoryAccess:  // programs must not count on it
      case cudaDevAttrKernelExecTimeout:
      case cudaDevAttrEccEnabled:
      case cudaDevAttrTccDriver:
      case cudaDevAttrComputeMode:
      case cudaDevAttrComputeCapabilityMinor:
      case cudaDevAttrMemoryClockRate:
      case cudaDevAttrGlobalMemoryBusWidth:
      case cudaDevAttrCooperativeLaunch:
        return 0;
    }
    return -1;
  };
  *value = of();
  return result(*value < 0 ? cudaErrorInvalidValue : cudaSuccess);
}

cudaError_t cudaDeviceGetPCIBusId(char* text, int length, int device) {
  if (text == nullptr || length < 13) return result(cudaErrorInvalidValue);
  if (device != 0) return result(cudaErrorInvalidDevice);
  std::strncpy(text, "0000:00:00.0", static_cast<std::size_t>(length));
  return result(cudaSuccess);
}

static cudaError_t give_version(int* version) {
  if (version == nullptr) return result(cudaErrorInvalidValue);
  *version = CUDART_VERSION;
  return result(cudaSuccess);
}
cudaError_t cudaDriverGetVersion(int* version) {
  return give_version(version);
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  return give_version(version);
}

cudaError_t cudaDeviceReset() {
  if (on_worker()) return cudaErrorNotPermitted;
  Scheduler::get().wait_all();
  deallocate_all_device();
  clear_device_error();
  return cudaSuccess;
}

cudaError_t cudaSetDeviceFlags(unsigned) {
  return result(cudaSuccess);
}
cudaError_t cudaDeviceSetCacheConfig(cudaFuncCache) {
  return result(cudaSuccess);
}

cudaError_t cudaDeviceSetLimit(cudaLimit limit, std::size_t) {
  return result(limit <= cudaLimitMallocHeapSize ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaDeviceGetLimit(std::size_t* value, cudaLimit limit) {
  if (value == nullptr || limit > cudaLimitMallocHeapSize) return result(cudaErrorInvalidValue);
  *value = limit == cudaLimitStackSize ? 128 << 10 : 8 << 20;
  return result(cudaSuccess);
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  if (least != nullptr) *least = 0;
  if (greatest != nullptr) *greatest = 0;
  return result(cudaSuccess);
}

// There is no second device.
cudaError_t cudaDeviceCanAccessPeer(int* can, int device, int peer) {
  if (can == nullptr) return result(cudaErrorInvalidValue);
  if (device != 0 || peer != 0) return result(cudaErrorInvalidDevice);
  *can = 0;
  return result(cudaSuccess);
}
cudaError_t cudaDeviceEnablePeerAccess(int, unsigned) {
  return result(cudaErrorInvalidDevice);
}
cudaError_t cudaDeviceDisablePeerAccess(int) {
  return result(cudaErrorInvalidDevice);
}
