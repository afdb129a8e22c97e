// Recording: the sink of the host's ranges, and the device's records beside them.
#include "common/profiler/trace.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "common/core/error.h"
#include "common/core/trace.h"

namespace wb {
namespace {

// Of the calling thread: its open ranges, outermost first, and the recording that they belong to. -1 stands
// for a range that nobody records.
struct OpenRanges {
  std::uint64_t recording = 0;
  std::vector<std::ptrdiff_t> indices;
};
thread_local OpenRanges t_open;

// One in this program, never destroyed: a range may end after the recording that it began in.
class RangeRecorder final : public TraceSink {
 public:
  void start() {
    const std::lock_guard lock(mutex_);
    ++recording_;
    is_on_ = true;
    ranges_.clear();
    lost_ = 0;
    before_ = exchange_trace_sink(this);
  }

  std::vector<TracedRange> stop(std::size_t* lost) {
    exchange_trace_sink(before_);
    const std::lock_guard lock(mutex_);
    is_on_ = false;
    const std::int64_t now = device_clock_ns();
    for (TracedRange& range : ranges_) {
      if (range.end_ns == 0) range.end_ns = now;
    }
    *lost = lost_;
    return std::exchange(ranges_, {});
  }

  void begin(const char* name, int index) noexcept override {
    if (before_ != nullptr) before_->begin(name, index);
    static thread_local const auto thread = static_cast<std::uint32_t>(gettid());
    const std::lock_guard lock(mutex_);
    if (t_open.recording != recording_) t_open = {recording_, {}};
    if (!is_on_ || ranges_.size() >= Trace::kMostEvents) {
      lost_ += is_on_ ? 1 : 0;
      t_open.indices.push_back(-1);
      return;
    }
    TracedRange range;
    range.name = index < 0 ? name : fmt::format("{} {}", name, index);
    range.thread = thread;
    const auto outer =
        std::find_if(t_open.indices.rbegin(), t_open.indices.rend(), [](auto i) { return i >= 0; });
    if (outer != t_open.indices.rend()) range.parent = *outer;
    t_open.indices.push_back(static_cast<std::ptrdiff_t>(ranges_.size()));
    range.start_ns = device_clock_ns();
    ranges_.push_back(std::move(range));
  }

  void end() noexcept override {
    if (before_ != nullptr) before_->end();
    const std::int64_t now = device_clock_ns();
    const std::lock_guard lock(mutex_);
    if (t_open.recording != recording_ || t_open.indices.empty()) return;  // began in an earlier recording
    const std::ptrdiff_t index = t_open.indices.back();
    t_open.indices.pop_back();
    if (is_on_ && index >= 0) ranges_[static_cast<std::size_t>(index)].end_ns = now;
  }

 private:
  std::mutex mutex_;
  std::uint64_t recording_ = 0;
  bool is_on_ = false;
  TraceSink* before_ = nullptr;  // goes on to hear of every range
  std::vector<TracedRange> ranges_;
  std::size_t lost_ = 0;
};

RangeRecorder& recorder() {
  static RangeRecorder& forever = *new RangeRecorder;
  return forever;
}

}  // namespace

void Trace::start() {
  start_device_records(/*everything=*/true, kMostEvents);
  recording_ = true;
  recorder().start();
}

void Trace::stop() {
  if (!recording_) throw Error("Trace::stop: start() was not called");
  recording_ = false;
  std::size_t lost_ranges = 0;
  const auto first_range = static_cast<std::ptrdiff_t>(ranges_.size());
  try {
    WB_CUDA_CHECK(cudaDeviceSynchronize());
  } catch (...) {
    static_cast<void>(recorder().stop(&lost_ranges));
    drop_device_records();
    throw;
  }
  for (TracedRange& range : recorder().stop(&lost_ranges)) {
    if (range.parent >= 0) range.parent += first_range;
    ranges_.push_back(std::move(range));
  }
  DeviceRecords device = stop_device_records();
  const std::uint64_t before = next_correlation_;
  for (DeviceRecord& record : device.records) {
    if (record.correlation == 0) continue;
    record.correlation += before;
    next_correlation_ = std::max(next_correlation_, record.correlation);
  }
  std::move(device.records.begin(), device.records.end(), std::back_inserter(records_));
  lost_ += lost_ranges + device.lost;
}

Trace::~Trace() {
  if (!recording_) return;
  std::size_t lost = 0;
  static_cast<void>(recorder().stop(&lost));
  drop_device_records();
}

TraceCounts Trace::counts() const {
  TraceCounts counts;
  counts.ranges = ranges_.size();
  counts.lost = lost_;
  for (const DeviceRecord& record : records_) {
    switch (record.kind) {
      case DeviceRecordKind::kKernel:
        ++counts.kernels;
        break;
      case DeviceRecordKind::kCopy:
        ++counts.copies;
        break;
      case DeviceRecordKind::kFill:
        ++counts.fills;
        break;
      case DeviceRecordKind::kCall:
        ++counts.calls;
        break;
    }
  }
  return counts;
}

std::string describe(const TraceCounts& counts) {
  const auto part = [](std::size_t count, const char* one, const char* many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
  };
  std::string text = part(counts.ranges, "range", "ranges") + ", " +
                     part(counts.kernels, "kernel", "kernels") + ", " +
                     part(counts.copies, "copy", "copies") + ", " + part(counts.fills, "fill", "fills");
  if (counts.lost > 0) text += fmt::format("; {} more had no room: trace fewer steps", counts.lost);
  return text;
}

}  // namespace wb
