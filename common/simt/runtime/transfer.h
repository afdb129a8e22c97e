// Copies and fills in the form that the timeline and the inspector need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/allocations.h"
#include "runtime/inspector.h"
#include "runtime/timeline.h"
#include "simt/api.h"
#include "simt/call_from.h"

namespace simt::detail {

inline bool is_device(cudaMemoryType type) {
  return type == cudaMemoryTypeDevice || type == cudaMemoryTypeManaged;
}

// Pageable host memory cannot be read later: the program may change it once the call has returned.
inline bool pageable(const void* pointer) {
  return !find_allocation(pointer);
}

#define CALL_FROM_HERE SIMT_CALL_FROM_HERE

// A copy or a fill, as the timeline and the inspector know it.
struct Transfer {
  const char* call;
  RecordKind kind;
  std::size_t bytes;
  cudaMemcpyKind direction = cudaMemcpyDefault;
  std::vector<Touched> touched = {};

  void tell_inspector(const PointRef& point) const {
    if (inspector != nullptr && point != nullptr) inspector->transferred(call, t_caller, point, touched);
  }

  TimelineRecord record() const {
    TimelineRecord result;
    result.kind = kind;
    result.name = call;
    result.bytes = bytes;
    result.direction = direction;
    return result;
  }
};

inline Transfer copy(const char* call, const void* to, const void* from, std::size_t bytes,
                     cudaMemcpyKind kind) {
  if (kind == cudaMemcpyDefault) {
    const auto on_device = [](const void* pointer) {
      const auto allocation = find_allocation(pointer);
      return allocation && is_device(allocation->type);
    };
    kind = on_device(from) ? (on_device(to) ? cudaMemcpyDeviceToDevice : cudaMemcpyDeviceToHost)
                           : (on_device(to) ? cudaMemcpyHostToDevice : cudaMemcpyHostToHost);
  }
  return {call, RecordKind::kCopy, bytes, kind, {{from, bytes, false}, {to, bytes, true}}};
}

inline Transfer copy_of_rows(const char* call, const void* to, std::size_t to_pitch, const void* from,
                             std::size_t from_pitch, std::size_t width, std::size_t height,
                             cudaMemcpyKind kind) {
  Transfer transfer = copy(call, to, from, width * height, kind);
  transfer.touched.clear();
  for (std::size_t row = 0; inspector != nullptr && row < height; ++row) {
    transfer.touched.push_back({static_cast<const char*>(from) + row * from_pitch, width, false});
    transfer.touched.push_back({static_cast<const char*>(to) + row * to_pitch, width, true});
  }
  return transfer;
}

/// Submits the transfer; `work` takes the number of a part, 0 to parts - 1.
cudaError_t submit_transfer(cudaStream_t stream, const Transfer& transfer, std::uint64_t parts,
                            std::function<void(std::uint64_t)> work);

}  // namespace simt::detail
