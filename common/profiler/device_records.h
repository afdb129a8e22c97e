// What the device did, as it noted it itself: CUPTI's activity records, or simt's timeline. The source of
// both the Profiler and the Trace.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string>
#include <vector>

namespace wb {

enum class DeviceRecordKind {
  kKernel,
  kCopy,
  kFill,
  kCall,  // of the host: a launch, a copy, a wait
};

/// Times are nanoseconds on the clock of device_clock_ns().
struct DeviceRecord {
  DeviceRecordKind kind = DeviceRecordKind::kKernel;
  std::string name;  // kernels: short
  std::int64_t start_ns = 0, end_ns = 0;
  std::uint32_t stream = 0;       // of a kernel, copy or fill
  std::uint32_t thread = 0;       // of a call: as the system numbers it
  std::uint64_t correlation = 0;  // the same for a call and what it started on the device; 0: unknown
  dim3 grid, block;               // of a kernel
  std::int64_t static_shared_bytes = 0, dynamic_shared_bytes = 0;  // of a block
  int registers_per_thread = 0;                                    // 0: unknown
  std::int64_t bytes = 0;                                          // of a copy or fill
  const char* direction = "";                                      // of a copy: "host to device"
};

/// "host to device" and so on.
const char* copy_direction(cudaMemcpyKind kind);

/// Empty if this program can record, else why it cannot, and what to do.
std::string device_records_unavailable();

/// Waits for the work enqueued so far, then records kernels; with `everything` also copies, fills and calls.
/// At most about `most_records` are kept. Errors: already recording, or unavailable: throws wb::Error.
void start_device_records(bool everything, std::size_t most_records = 1'000'000);

struct DeviceRecords {
  std::vector<DeviceRecord> records;  // in order of start time
  std::size_t lost = 0;               // that there was no room for
};

/// Waits for the work enqueued so far, stops, and returns what was recorded. Errors: not recording.
DeviceRecords stop_device_records();

/// Stops without waiting; forgets. For destructors.
void drop_device_records() noexcept;

/// The clock of the records, now. Host ranges are stamped with it, so that both share one time axis.
std::int64_t device_clock_ns() noexcept;

}  // namespace wb
