// Named ranges of host code. A trace shows them on the host's track, and nsys shows them in its NVTX row.
//
//   TraceRange step("step", i);            until the end of the scope
//   TraceRange part("attention");
//   part.next("feed_forward");             ends "attention" there, starts the next
//
// Code that names its phases includes only this header. The part of a program that records installs a sink.
// Without a sink, a range is one load and one branch, less than 1 ns (common/profiler/trace_test.cpp measures
// this). A CUDA build with NVTX has a sink from the start, which forwards to NVTX: 4 ns while no tool is
// attached.
#pragma once

#include <atomic>

namespace wb {

/// Receives every range of every thread while it is installed. Must outlive the program's last range.
class TraceSink {
 public:
  /// `name` may be a temporary; `index` is -1 where a range has none. Must not throw.
  virtual void begin(const char* name, int index) noexcept = 0;
  /// Ends the innermost range of the calling thread.
  virtual void end() noexcept = 0;

 protected:
  ~TraceSink() = default;
};

namespace detail {
extern std::atomic<TraceSink*> trace_sink;  // null: nobody listens
}

/// Installs `sink` (null for none) and returns the previous one. An open range ends in the sink in which it
/// began.
inline TraceSink* exchange_trace_sink(TraceSink* sink) {
  return detail::trace_sink.exchange(sink);
}

/// A range from construction to the end of its scope. Ranges of one thread nest.
class TraceRange {
 public:
  explicit TraceRange(const char* name, int index = -1) { begin(name, index); }
  ~TraceRange() { end(); }
  TraceRange(const TraceRange&) = delete;
  TraceRange& operator=(const TraceRange&) = delete;

  /// Ends this range and starts another in its place.
  void next(const char* name, int index = -1) {
    end();
    begin(name, index);
  }

 private:
  void begin(const char* name, int index) {
    sink_ = detail::trace_sink.load(std::memory_order_acquire);
    if (sink_ != nullptr) sink_->begin(name, index);
  }
  void end() {
    if (sink_ != nullptr) sink_->end();
  }

  TraceSink* sink_ = nullptr;
};

}  // namespace wb
