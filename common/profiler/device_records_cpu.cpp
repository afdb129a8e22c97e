// The CPU device keeps a timeline of its own: a kernel runs from its first block's start to its last block's
// end.
#include <simt/timeline.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>

#include "common/core/error.h"
#include "common/profiler/device_records.h"
#include "common/profiler/profiler.h"

namespace wb {
namespace {

std::atomic<bool> g_recording{false};
bool g_everything = false;

// Where a kernel's symbol is unknown the timeline has the words of its launch. In a template those are the
// template's own parameters, "kernel<kHead>", which say nothing: keep arguments only when they are all
// numbers.
std::string kernel_name(const std::string& name) {
  std::string text = short_kernel_name(name);
  const auto open = text.find('<');
  if (name.starts_with("_Z") || open == std::string::npos) return text;
  const bool has_words = std::any_of(text.begin() + static_cast<std::ptrdiff_t>(open), text.end(),
                                     [](unsigned char c) { return std::isalpha(c) != 0; });
  if (has_words) text.resize(open);
  return text;
}

// The host's part: on this device a launch is a moment. A wait has a length.
DeviceRecord call_of(const simt::TimelineRecord& record, std::uint64_t correlation) {
  DeviceRecord call;
  call.kind = DeviceRecordKind::kCall;
  const bool wait = record.kind == simt::RecordKind::kWait;
  call.name = record.kind == simt::RecordKind::kKernel ? "launch" : record.name;
  call.start_ns = record.submitted_ns;
  call.end_ns = wait ? record.end_ns : record.submitted_ns;
  call.thread = static_cast<std::uint32_t>(record.host_thread);
  call.correlation = wait ? 0 : correlation;
  return call;
}

DeviceRecord on_device(const simt::TimelineRecord& record, std::uint64_t correlation) {
  using enum simt::RecordKind;
  DeviceRecord result;
  result.kind = record.kind == kCopy   ? DeviceRecordKind::kCopy
                : record.kind == kFill ? DeviceRecordKind::kFill
                                       : DeviceRecordKind::kKernel;
  result.name = record.kind == kKernel ? kernel_name(record.name) : record.name;
  result.start_ns = record.start_ns;
  result.end_ns = record.end_ns;
  result.stream = record.stream;
  result.correlation = correlation;
  result.grid = record.grid;
  result.block = record.block;
  result.dynamic_shared_bytes = static_cast<std::int64_t>(record.shared_bytes);
  result.bytes = static_cast<std::int64_t>(record.bytes);
  if (record.kind == kCopy) result.direction = copy_direction(record.direction);
  return result;
}

}  // namespace

std::string device_records_unavailable() {
  return {};
}

void start_device_records(bool everything, std::size_t most_records) {
  if (g_recording.exchange(true))
    throw Error("the profiler cannot start: another profiler is recording; stop it first");
  g_everything = everything;
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  simt::timeline_start(most_records);
}

DeviceRecords stop_device_records() {
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  DeviceRecords result;
  std::uint64_t correlation = 0;
  for (const simt::TimelineRecord& record : simt::timeline_stop(&result.lost)) {
    ++correlation;
    const bool is_kernel =
        record.kind == simt::RecordKind::kKernel || record.kind == simt::RecordKind::kHostWork;
    if (!is_kernel && !g_everything) continue;
    if (record.kind != simt::RecordKind::kWait) result.records.push_back(on_device(record, correlation));
    if (g_everything) result.records.push_back(call_of(record, correlation));
  }
  std::stable_sort(result.records.begin(), result.records.end(),
                   [](const DeviceRecord& x, const DeviceRecord& y) { return x.start_ns < y.start_ns; });
  g_recording = false;
  return result;
}

void drop_device_records() noexcept {
  simt::timeline_stop();
  g_recording = false;
}

std::int64_t device_clock_ns() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

}  // namespace wb
