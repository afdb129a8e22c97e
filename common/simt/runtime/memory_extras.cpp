// The runtime API's less common memory calls: padded fills, mapped host memory, hints for managed memory.
#include <fmt/format.h>

#include <cstring>

#include "runtime/allocations.h"
#include "runtime/failure.h"
#include "runtime/inspector.h"
#include "runtime/scheduler.h"
#include "runtime/transfer.h"
#include "simt/api.h"

using namespace simt::detail;

cudaError_t cudaMemset2DAsync(void* pointer, std::size_t pitch, int byte, std::size_t width,
                              std::size_t height, cudaStream_t stream) {
  CALL_FROM_HERE;
  if (on_worker()) return result(cudaErrorNotPermitted);
  if (width == 0 || height == 0) return result(cudaSuccess);
  if (height > 1 && width > pitch) return result(cudaErrorInvalidPitchValue);
  const auto allocation = find_allocation(pointer);
  const std::size_t bytes = (height - 1) * pitch + width;
  if (!allocation || allocation->type == cudaMemoryTypeHost) {
    explain("cudaMemset2D: the destination is not device memory");
    return result(cudaErrorInvalidValue);
  }
  const std::size_t room =
      allocation->bytes - (reinterpret_cast<std::uintptr_t>(pointer) - allocation->address);
  if (bytes > room) {
    explain(
        fmt::format("cudaMemset2D: {} rows of {} bytes need {} bytes, but the destination has room for {}",
                    height, width, bytes, room));
    return result(cudaErrorInvalidValue);
  }
  const auto row_at = [=](std::size_t row) { return static_cast<char*>(pointer) + row * pitch; };
  Transfer fill{"cudaMemset2D", simt::RecordKind::kFill, width * height};
  for (std::size_t row = 0; inspector != nullptr && row < height; ++row) {
    fill.touched.push_back({row_at(row), width, true});
  }
  return result(submit_transfer(stream, fill, 1, [=](std::uint64_t) {
    for (std::size_t row = 0; row < height; ++row) {
      std::memset(row_at(row), byte, width);
      if (inspector != nullptr) inspector->written(row_at(row), width);
    }
  }));
}

cudaError_t cudaMemset2D(void* pointer, std::size_t pitch, int byte, std::size_t width, std::size_t height) {
  CALL_FROM_HERE;
  return cudaMemset2DAsync(pointer, pitch, byte, width, height, nullptr);
}

cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned flags) {
  if (device == nullptr || flags != 0) return result(cudaErrorInvalidValue);
  const auto allocation = find_allocation(host);
  if (!allocation || allocation->type != cudaMemoryTypeHost) return result(cudaErrorInvalidValue);
  *device = host;
  return result(cudaSuccess);
}

static cudaError_t check_managed(const void* pointer, std::size_t bytes) {
  const auto allocation = find_allocation(pointer);
  if (bytes == 0 || !allocation || allocation->type != cudaMemoryTypeManaged) return cudaErrorInvalidValue;
  const std::size_t room =
      allocation->bytes - (reinterpret_cast<std::uintptr_t>(pointer) - allocation->address);
  return bytes > room ? cudaErrorInvalidValue : cudaSuccess;
}

static cudaError_t check_location(cudaMemLocation location) {
  if (location.type == cudaMemLocationTypeDevice) {
    return location.id == 0 ? cudaSuccess : cudaErrorInvalidDevice;
  }
  const bool host =
      location.type >= cudaMemLocationTypeHost && location.type <= cudaMemLocationTypeHostNumaCurrent;
  return host ? cudaSuccess : cudaErrorInvalidValue;
}

static cudaMemLocation location_of(int device) {
  return {device == cudaCpuDeviceId ? cudaMemLocationTypeHost : cudaMemLocationTypeDevice, device};
}

cudaError_t cudaMemPrefetchAsync(const void* pointer, std::size_t bytes, cudaMemLocation location,
                                 unsigned flags, cudaStream_t stream) {
  cudaError_t code = flags == 0 ? check_managed(pointer, bytes) : cudaErrorInvalidValue;
  if (code == cudaSuccess) code = check_location(location);
  if (code == cudaSuccess && Scheduler::get().find(stream) == nullptr) code = cudaErrorInvalidResourceHandle;
  return result(code);
}

cudaError_t cudaMemPrefetchAsync(const void* pointer, std::size_t bytes, int device, cudaStream_t stream) {
  return cudaMemPrefetchAsync(pointer, bytes, location_of(device), 0, stream);
}

cudaError_t cudaMemAdvise(const void* pointer, std::size_t bytes, cudaMemoryAdvise advice,
                          cudaMemLocation location) {
  cudaError_t code = check_managed(pointer, bytes);
  if (advice < cudaMemAdviseSetReadMostly || advice > cudaMemAdviseUnsetAccessedBy) {
    code = cudaErrorInvalidValue;
  }
  // A hint to read mostly names no place.
  if (code == cudaSuccess && advice > cudaMemAdviseUnsetReadMostly) code = check_location(location);
  return result(code);
}

cudaError_t cudaMemAdvise(const void* pointer, std::size_t bytes, cudaMemoryAdvise advice, int device) {
  return cudaMemAdvise(pointer, bytes, advice, location_of(device));
}
