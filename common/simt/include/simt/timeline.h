// What ran, and when. A profiler reads this on the CPU device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "simt/api_types.h"

namespace simt {

enum class RecordKind {
  kKernel,    // from the start of its first block to the end of its last
  kHostWork,  // work that simt::enqueue named
  kCopy,
  kFill,
  kWait,  // a host thread that waited for the device: in no stream
};

struct TimelineRecord {
  RecordKind kind = RecordKind::kKernel;
  std::string name;  // a kernel's symbol (mangled) where it is known, else the words of its launch
  std::int64_t start_ns = 0, end_ns = 0;         // steady clock
  std::int64_t submitted_ns = 0;                 // when the host called
  int host_thread = 0;                           // which thread called, as the system numbers it
  unsigned stream = 0;                           // 0 is the null stream, the others count from 1
  dim3 grid, block;                              // kernels
  std::size_t shared_bytes = 0;                  // kernels: dynamic shared memory of a block
  std::size_t bytes = 0;                         // copies and fills
  cudaMemcpyKind direction = cudaMemcpyDefault;  // copies
};

/// Forgets earlier records and starts recording. At most `most_records` are kept.
void timeline_start(std::size_t most_records = 1'000'000);
/// Stops recording and returns the records in order of completion. Synchronize first to get all of them.
/// `lost`, if not null, gets the number of records that did not fit.
std::vector<TimelineRecord> timeline_stop(std::size_t* lost = nullptr);

/// The number of kernels launched so far, recorded or not. Launches that were refused do not count.
std::uint64_t kernels_launched();

/// From now on, work in other streams than this one is noted: launches, fills, and copies for which the host
/// need not wait. (A synchronous copy between host and device does not count.)
void expect_stream(cudaStream_t stream);
/// The number of these launches since then.
std::uint64_t launched_elsewhere();
/// The first of these fills and copies since then; null where there was none.
struct TransferElsewhere {
  const char* call = nullptr;  // "cudaMemsetAsync"
  cudaStream_t stream = nullptr;
};
TransferElsewhere transferred_elsewhere();

}  // namespace simt
