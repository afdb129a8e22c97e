// The calls of the runtime to the inspector, in programs that are linked with it (common/simt/inspector). In
// others the pointer is null, and there are no calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/stream_order.h"
#include "simt/launch.h"

namespace simt::detail {

/// Bytes that an operation of the runtime reads or writes.
struct Touched {
  const void* start;
  std::size_t bytes;
  bool is_write;
};

class Inspector {
 public:
  virtual ~Inspector() = default;

  /// Device memory of `bytes`, 256-byte aligned, between wide gaps; null if no addresses are left.
  virtual void* allocate(std::size_t bytes) = 0;
  /// Frees the memory. Its address is not used again soon.
  virtual void deallocate(void* pointer, std::size_t bytes) = 0;
  /// The runtime wrote these bytes, if they are device memory: a copy, a fill.
  virtual void written(const void* pointer, std::size_t bytes) = 0;
  /// The contents of these bytes count as never written.
  virtual void unwritten(const void* pointer, std::size_t bytes) = 0;
  /// No kernel may access these bytes, although they belong to an allocation.
  virtual void forbid(const void* pointer, std::size_t bytes) = 0;

  /// A kernel was submitted, by its number.
  virtual void launched(std::uint32_t number, const PointRef& point) = 0;
  /// A copy or fill was submitted, by the call `name` that returns to `caller`. The scheduler is not locked.
  virtual void transferred(const char* name, const void* caller, const PointRef& point,
                           const std::vector<Touched>& touched) = 0;

  /// Code of the host, compiled for the inspector, used memory that a stream may use. `kind` is 1 for a read,
  /// 2 for a write.
  virtual void host_accessed(std::uintptr_t address, std::size_t bytes, std::uint32_t kind,
                             std::uint32_t pc) = 0;

  // One block at a time: from block_begins() to block_ends().
  virtual void block_begins(const Grid& grid, std::uint64_t number) = 0;
  virtual void block_ends() = 0;
  /// A thread spins: lets blocks of other streams run.
  virtual void give_way() = 0;
  /// All threads of the block have arrived at a barrier.
  virtual void block_synchronized() = 0;
  /// The lanes of `arrived` have met in __syncwarp(mask); `live` are those of the warp that have not
  /// returned.
  virtual void warp_synchronized(unsigned warp, unsigned arrived, unsigned live, unsigned mask) = 0;

  /// What was found since the last call: a JSON document per finding.
  virtual std::vector<std::string> take_findings() = 0;
  /// The same as text, each finding after a line break; take_findings() returns them again.
  virtual std::string findings_so_far() = 0;

  /// Whether this is the meter, which counts and finds nothing.
  virtual bool counts() const { return false; }
  /// The meter's report of what was counted since the last call.
  virtual std::string take_counts() { return ""; }
};

extern Inspector* inspector;

}  // namespace simt::detail
