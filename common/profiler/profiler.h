// Profiler: which kernels ran, and when, as the device itself saw it.
//
// On CUDA the records come from CUPTI's activity interface, on the CPU device from simt's timeline.
// A profiler costs time: measure speed without one, then profile the same work again.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <filesystem>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace wb {

/// One kernel execution. Times are on the device's own clock; only differences are meaningful.
struct KernelRecord {
  std::string name;  // short: no namespaces, no parameter list
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;
};

/// Records every kernel between start() and stop(). One profiler may record at a time.
class Profiler {
 public:
  /// Empty if this program can profile, else why it cannot, and what to do.
  static std::string unavailable();

  Profiler() = default;
  ~Profiler();
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  /// Waits for the work enqueued so far, then starts to record.
  /// Errors: unavailable() is not empty, or another profiler records: throws wb::Error.
  void start();
  /// Waits for the work enqueued so far, stops, and returns the records in order of start time.
  /// Errors: without start(), or when the device lost records, throws wb::Error.
  std::vector<KernelRecord> stop();

 private:
  bool recording_ = false;
};

/// All executions of the kernels of one name.
struct KernelTotal {
  std::string name;
  std::int64_t calls = 0;
  double total_ms = 0.0;
  double mean_us = 0.0;
  double percent = 0.0;  // of the time of all kernels
};

/// One row per kernel name, the longest total first.
std::vector<KernelTotal> kernel_totals(const std::vector<KernelRecord>& records);

/// Milliseconds in kernels whose name holds a match of `pattern`.
double kernel_ms(const std::vector<KernelRecord>& records, const std::regex& pattern);

/// Writes kernel,calls,total_ms,mean_us,percent; a name with a comma or a quote is quoted (RFC 4180).
/// The file appears complete or not at all. Errors: a path that cannot be written throws wb::Error.
void write_profile_csv(const std::filesystem::path& path, const std::vector<KernelTotal>& totals);

/// A kernel's short name: demangled, without return type, namespaces and parameter list; template arguments
/// stay when they are short.
std::string short_kernel_name(std::string_view name);

}  // namespace wb
