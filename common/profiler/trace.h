// Trace: what the host and the device did, on one time axis, as a file for ui.perfetto.dev or
// chrome://tracing.
//
//   check_trace_path("step.json");               before the work: one clear error if it cannot be written
//   Trace trace;
//   trace.start();
//   { TraceRange step("step", 0); trainer.step(); trainer.synchronize(); }
//   trace.stop();
//   trace.write("step.json");
//
// The file holds the ranges of TraceRange on their thread's track, the host's calls that start work or wait
// for it, and each kernel, copy and fill on the track of its stream, with an arrow from the call to the
// kernel. Above each stream stand the ranges once more, as the device ran them: from the first kernel that
// was launched inside a range to the end of the last. docs/profiling.md shows how to read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/profiler/device_records.h"

namespace wb {

/// A TraceRange as it was recorded. Times are on the clock of device_clock_ns().
struct TracedRange {
  std::string name;  // "layer 3"
  std::uint32_t thread = 0;
  std::int64_t start_ns = 0, end_ns = 0;
  std::ptrdiff_t parent = -1;  // index of the range around it; -1: none
};

/// How much a trace holds.
struct TraceCounts {
  std::size_t ranges = 0, kernels = 0, copies = 0, fills = 0, calls = 0;
  std::size_t lost = 0;  // there was no room for
};

class Trace {
 public:
  /// Of ranges, and of device records: more are counted, not kept. A file stays below about 100 MB.
  static constexpr std::size_t kMostEvents = 100'000;

  /// Empty if this program can trace, else why it cannot.
  static std::string unavailable() { return device_records_unavailable(); }

  Trace() = default;
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// Waits for the work enqueued so far, then records, after what an earlier start() to stop() has recorded.
  /// Errors: unavailable, or another profiler or trace records: throws wb::Error.
  void start();
  /// Waits for the work enqueued so far and stops. Ranges that are still open end here.
  void stop();
  bool recording() const { return recording_; }

  const std::vector<TracedRange>& ranges() const { return ranges_; }
  const std::vector<DeviceRecord>& records() const { return records_; }
  TraceCounts counts() const;

  /// Writes what has been recorded until now; the file appears complete or not at all. May be called again.
  /// Errors: a path that cannot be written throws wb::Error.
  void write(const std::filesystem::path& path) const;

 private:
  bool recording_ = false;
  std::vector<TracedRange> ranges_;
  std::vector<DeviceRecord> records_;
  std::size_t lost_ = 0;
  std::uint64_t next_correlation_ = 0;  // those of one recording come after those of the one before
};

/// Errors: a path where no file can be written throws wb::Error, in one line that names it and says why.
void check_trace_path(const std::filesystem::path& path);

/// "12 ranges, 96 kernels, 3 copies, 1 fill"
std::string describe(const TraceCounts& counts);

}  // namespace wb
