// Named ranges of host code: what a trace shows on the host's track, and nsys in its NVTX row.
//
//   TraceRange step("step", i);            until the end of the scope
//   TraceRange part("attention");
//   part.next("feed_forward");             ends "attention" there, starts the next
//
// Whoever names its phases knows nothing of traces: it includes this header, and whoever records installs a
// sink. Without one a range is one load and one branch, under 1 ns (common/profiler/trace_test.cpp
// measures it). A CUDA build with NVTX has a sink from the start, which forwards to NVTX: 4 ns while
// no tool is attached.
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
