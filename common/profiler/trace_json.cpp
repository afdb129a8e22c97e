// The file: Chrome's trace event format, JSON. Times are microseconds since the first event.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "common/core/device_info.h"
#include "common/core/error.h"
#include "common/core/results.h"
#include "common/profiler/trace.h"

namespace wb {
namespace {

using nlohmann::json;

constexpr int kHost = 1, kDevice = 2;  // processes, as the format calls them

// Each stream has two tracks.
std::int64_t range_track(std::uint32_t stream) {
  return 2 * static_cast<std::int64_t>(stream) + 1;
}
std::int64_t kernel_track(std::uint32_t stream) {
  return 2 * static_cast<std::int64_t>(stream) + 2;
}

struct Span {
  std::int64_t start_ns = std::numeric_limits<std::int64_t>::max();
  std::int64_t end_ns = std::numeric_limits<std::int64_t>::min();
};

// Writes one event after the other.
class Writer {
 public:
  Writer(std::ostream& out, const Trace& trace) : out_(out), trace_(trace) {
    origin_ = std::numeric_limits<std::int64_t>::max();
    for (const TracedRange& range : trace.ranges()) origin_ = std::min(origin_, range.start_ns);
    for (const DeviceRecord& record : trace.records()) {
      origin_ = std::min(origin_, record.start_ns);
      if (record.kind == DeviceRecordKind::kCall && record.correlation != 0)
        calls_[record.correlation] = &record;
    }
    find_ranges_of_calls();
  }

  void write() {
    json other = {{"device", describe_device()}, {"lost_events", trace_.counts().lost}};
    const json header = results_header("training");
    for (const char* key : {"commit", "created"}) {
      if (header.contains(key)) other[key] = header[key];
    }
    out_ << "{\"displayTimeUnit\": \"ms\",\n\"otherData\": " << other.dump() << ",\n\"traceEvents\": [";
    name_tracks();
    for (std::size_t i = 0; i < trace_.ranges().size(); ++i) write_range(i);
    for (const DeviceRecord& record : trace_.records()) {
      if (record.kind == DeviceRecordKind::kCall) {
        write_call(record);
      } else {
        write_device_record(record);
      }
    }
    out_ << "\n]}\n";
  }

 private:
  // The innermost range around each call, and from that what the device did for each range.
  void find_ranges_of_calls() {
    const auto& ranges = trace_.ranges();
    std::map<std::uint32_t, std::vector<std::size_t>> of_thread;  // in order of start: as they were recorded
    for (std::size_t i = 0; i < ranges.size(); ++i) of_thread[ranges[i].thread].push_back(i);
    for (const auto& [correlation, call] : calls_) {
      const std::vector<std::size_t>& candidates = of_thread[call->thread];
      auto after =
          std::upper_bound(candidates.begin(), candidates.end(), call->start_ns,
                           [&](std::int64_t time, std::size_t i) { return time < ranges[i].start_ns; });
      std::ptrdiff_t range = after == candidates.begin() ? -1 : static_cast<std::ptrdiff_t>(*--after);
      while (range >= 0 && ranges[static_cast<std::size_t>(range)].end_ns < call->start_ns)
        range = ranges[static_cast<std::size_t>(range)].parent;
      range_of_[correlation] = range;
    }
    for (const DeviceRecord& record : trace_.records()) {
      if (record.kind == DeviceRecordKind::kCall) continue;
      for (auto i = range_around(record); i >= 0; i = ranges[static_cast<std::size_t>(i)].parent) {
        Span& span = spans_[{static_cast<std::size_t>(i), record.stream}];
        span.start_ns = std::min(span.start_ns, record.start_ns);
        span.end_ns = std::max(span.end_ns, record.end_ns);
      }
    }
  }

  std::ptrdiff_t range_around(const DeviceRecord& record) const {
    const auto found = range_of_.find(record.correlation);
    return found == range_of_.end() ? -1 : found->second;
  }

  // "step 0 / forward / layer 1 / attention"
  std::string path(std::ptrdiff_t range) const {
    std::string text;
    for (; range >= 0; range = trace_.ranges()[static_cast<std::size_t>(range)].parent) {
      const std::string& name = trace_.ranges()[static_cast<std::size_t>(range)].name;
      text = text.empty() ? name : name + " / " + text;
    }
    return text;
  }

  double microseconds(std::int64_t ns) const { return static_cast<double>(ns - origin_) * 1e-3; }

  void write_event(const json& event) {
    out_ << (first_ ? "\n" : ",\n") << event.dump(-1, ' ', false, json::error_handler_t::replace);
    first_ = false;
  }

  void write_slice(const char* category, const std::string& name, int process, std::int64_t track,
                   std::int64_t start_ns, std::int64_t end_ns, json args = json::object()) {
    json event = {{"ph", "X"},
                  {"cat", category},
                  {"name", name},
                  {"pid", process},
                  {"tid", track},
                  {"ts", microseconds(start_ns)},
                  {"dur", static_cast<double>(std::max<std::int64_t>(end_ns - start_ns, 0)) * 1e-3}};
    if (!args.empty()) event["args"] = std::move(args);
    write_event(event);
  }

  void name_track(const char* what, int process, std::int64_t track, const std::string& name) {
    write_event({{"ph", "M"}, {"name", what}, {"pid", process}, {"tid", track}, {"args", {{"name", name}}}});
  }

  void name_tracks() {
    std::set<std::int64_t> threads;
    for (const TracedRange& range : trace_.ranges()) threads.insert(range.thread);
    std::set<std::uint32_t> streams;
    for (const DeviceRecord& record : trace_.records()) {
      if (record.kind == DeviceRecordKind::kCall) {
        threads.insert(record.thread);
      } else {
        streams.insert(record.stream);
      }
    }
    name_track("process_name", kHost, 0, "host");
    for (const std::int64_t thread : threads) {
      name_track("thread_name", kHost, thread,
                 thread == getpid() ? "main thread" : fmt::format("thread {}", thread));
    }
    name_track("process_name", kDevice, 0, describe_device());
    for (const std::uint32_t stream : streams) {
      name_track("thread_name", kDevice, range_track(stream), fmt::format("stream {}: ranges", stream));
      name_track("thread_name", kDevice, kernel_track(stream), fmt::format("stream {}: kernels", stream));
      for (const std::int64_t track : {range_track(stream), kernel_track(stream)}) {
        write_event({{"ph", "M"},
                     {"name", "thread_sort_index"},
                     {"pid", kDevice},
                     {"tid", track},
                     {"args", {{"sort_index", track}}}});
      }
    }
  }

  void write_range(std::size_t i) {
    const TracedRange& range = trace_.ranges()[i];
    write_slice("range", range.name, kHost, range.thread, range.start_ns, range.end_ns);
    for (auto span = spans_.lower_bound({i, 0}); span != spans_.end() && span->first.first == i; ++span) {
      write_slice("device range", range.name, kDevice, range_track(span->first.second), span->second.start_ns,
                  span->second.end_ns);
    }
  }

  // On the CPU device a launch is a moment: its arrow starts in the range around it.
  void write_call(const DeviceRecord& call) {
    if (call.end_ns > call.start_ns)
      write_slice("call", call.name, kHost, call.thread, call.start_ns, call.end_ns);
  }

  void write_device_record(const DeviceRecord& record) {
    json args = json::object();
    const char* category = "kernel";
    if (record.kind == DeviceRecordKind::kKernel) {
      args["grid"] = {record.grid.x, record.grid.y, record.grid.z};
      args["block"] = {record.block.x, record.block.y, record.block.z};
      args["shared memory, bytes"] = record.static_shared_bytes + record.dynamic_shared_bytes;
      if (record.registers_per_thread > 0) args["registers per thread"] = record.registers_per_thread;
    } else {
      category = record.kind == DeviceRecordKind::kCopy ? "copy" : "fill";
      args["bytes"] = record.bytes;
      const auto ns = static_cast<double>(record.end_ns - record.start_ns);
      if (ns > 0) args["GB/s"] = static_cast<double>(record.bytes) / ns;
      if (record.kind == DeviceRecordKind::kCopy) args["direction"] = record.direction;
    }
    if (const std::string range = path(range_around(record)); !range.empty()) args["range"] = range;
    const std::int64_t track = kernel_track(record.stream);
    write_slice(category, record.name, kDevice, track, record.start_ns, record.end_ns, std::move(args));
    write_arrow(record, track);
  }

  // From the call to what it started, which may be several kernels (a graph): the arrow leads to the first.
  void write_arrow(const DeviceRecord& record, std::int64_t track) {
    const auto call = calls_.find(record.correlation);
    if (call == calls_.end() || !arrows_.insert(record.correlation).second) return;
    json event = {{"ph", "s"},
                  {"cat", "launch"},
                  {"name", "launch"},
                  {"id", record.correlation},
                  {"pid", kHost},
                  {"tid", call->second->thread},
                  {"ts", microseconds(call->second->start_ns)}};
    write_event(event);
    event["ph"] = "f";
    event["bp"] = "e";
    event["pid"] = kDevice;
    event["tid"] = track;
    event["ts"] = microseconds(record.start_ns);
    write_event(event);
  }

  std::ostream& out_;
  const Trace& trace_;
  std::int64_t origin_ = 0;
  bool first_ = true;
  std::map<std::uint64_t, const DeviceRecord*> calls_;
  std::map<std::uint64_t, std::ptrdiff_t> range_of_;             // of a call
  std::map<std::pair<std::size_t, std::uint32_t>, Span> spans_;  // of a range, in a stream
  std::set<std::uint64_t> arrows_;
};

std::filesystem::path partial_path(const std::filesystem::path& path) {
  std::filesystem::path partial = path;
  partial += fmt::format(".partial-{}", getpid());
  return partial;
}

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& reason) {
  throw Error(fmt::format("--trace: cannot write {}: {}; choose another file", path.string(), reason));
}

// A device or a pipe must not be replaced by a file.
void require_file_or_nothing(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) fail(path, "it is a folder");
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error)) {
    fail(path, "it is no regular file");
  }
}

}  // namespace

void check_trace_path(const std::filesystem::path& path) {
  std::error_code error;
  require_file_or_nothing(path);
  errno = 0;
  if (!std::ofstream(partial_path(path))) fail(path, std::strerror(errno));
  std::filesystem::remove(partial_path(path), error);
}

void Trace::write(const std::filesystem::path& path) const {
  require_file_or_nothing(path);
  const std::filesystem::path partial = partial_path(path);
  std::error_code error;
  errno = 0;
  std::ofstream file(partial);
  if (file) Writer(file, *this).write();
  file.close();
  if (!file) {
    const std::string reason = std::strerror(errno);
    std::filesystem::remove(partial, error);
    fail(path, reason);
  }
  std::filesystem::rename(partial, path, error);
  if (!error) return;
  const std::string reason = error.message();
  std::filesystem::remove(partial, error);
  fail(path, reason);
}

}  // namespace wb
