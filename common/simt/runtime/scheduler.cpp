#include "runtime/scheduler.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "runtime/capture.h"
#include "runtime/failure.h"
#include "runtime/inspector.h"
#include "runtime/program_watch.h"
#include "runtime/sample.h"
#include "runtime/setting.h"
#include "runtime/symbols.h"
#include "runtime/timeline.h"

namespace simt::detail {

// Never destroyed: static objects of the program may free device memory after main has returned.
Scheduler& Scheduler::get() {
  static Scheduler* scheduler = new Scheduler;
  return *scheduler;
}

// As many operations can wait in a stream as in CUDA; the next launch blocks.
static constexpr std::size_t kMaxQueued = 1024;

void Scheduler::submit(Stream* stream, std::shared_ptr<Operation> operation) {
  if (operation->on_timeline) note_submission(operation->shown);
  std::unique_lock lock(mutex_);
  if (stream->capture != nullptr) {
    stream->capture->nodes.push_back(std::move(operation));
    return;
  }
  if (!workers_started_) start_workers();
  if (stream->queue.size() >= kMaxQueued && !on_worker()) {
    wait_for(lock, [&] { return stream->queue.size() < kMaxQueued; });
  }
  operation->stream = stream;
  operation->sequence = next_sequence_++;
  if (inspector != nullptr) note_order(*operation);
  stream->queue.push_back(std::move(operation));
  if (stream->queue.size() == 1) advance();
}

void Scheduler::note_order(Operation& operation) {
  if (operation.wait != nullptr && operation.wait->point != nullptr) {
    order_.wait(*operation.stream, *operation.wait->point);
  }
  operation.point = order_.submit(*operation.stream);
  if (operation.record != nullptr) operation.record->point = operation.point;
  if (operation.grid != nullptr) inspector->launched(operation.number, operation.point);
}

PointRef Scheduler::work_of_host() {
  const std::lock_guard lock(mutex_);
  PointRef point = order_.submit(null_);
  order_.host_waited_for(*point);
  return point;
}

PointRef Scheduler::host_point() {
  const std::lock_guard lock(mutex_);
  return order_.host();
}

// Start the first operation of every stream that does not have to wait. Events complete immediately.
void Scheduler::advance() {
  for (bool progress = true; progress;) {
    progress = false;
    const auto visit = [&](Stream& stream) {
      while (!stream.queue.empty() && !stream.head_started && may_start(stream)) {
        const std::shared_ptr<Operation> head = stream.queue.front();
        if (head->record != nullptr) {
          head->record->time_ns = nanoseconds();
          head->record->done = true;
        } else if (head->wait == nullptr) {
          start(head);
          return;
        }
        stream.queue.pop_front();
        progress = true;
      }
    };
    visit(null_);
    for (const auto& stream : streams_) visit(*stream);
  }
  std::erase_if(streams_, [](const auto& stream) { return stream->destroyed && stream->queue.empty(); });
  if (waiting_hosts_ != 0) signals_->done.notify_all();
}

// The null stream and the blocking streams keep the order of submission among each other, as with CUDA's
// legacy default stream.
bool Scheduler::may_start(const Stream& stream) const {
  const Operation& head = *stream.queue.front();
  if (head.wait != nullptr && !head.wait->done) return false;
  if (!stream.blocking) return true;
  const auto goes_first = [&](const Stream& other) {
    return !other.queue.empty() && other.queue.front()->sequence < head.sequence;
  };
  if (&stream != &null_) return !goes_first(null_);
  return std::none_of(streams_.begin(), streams_.end(),
                      [&](const auto& other) { return other->blocking && goes_first(*other); });
}

void Scheduler::start(const std::shared_ptr<Operation>& operation) {
  operation->stream->head_started = true;
  operation->head_since_ns = nanoseconds();
  if (operation->grid != nullptr) operation->grid->number = operation->number;
  running_.push_back(operation);
  active_.push_back(operation);
  const auto wanted =
      std::min<std::uint64_t>(sleeping_, (operation->total + operation->chunk - 1) / operation->chunk);
  for (std::uint64_t i = 0; i < wanted; ++i) signals_->work.notify_one();
}

// Work that was submitted before the timeline started does not appear in it.
void Scheduler::show(Operation& operation) {
  if (!timeline_on.load(std::memory_order_relaxed) || operation.shown.submitted_ns == 0) return;
  TimelineRecord& record = operation.shown;
  const std::string* symbol = operation.grid == nullptr ? nullptr : symbol_at(operation.grid->function);
  record.name = symbol == nullptr ? operation.name : *symbol;
  record.stream = operation.stream->number;
  record.start_ns = operation.start_ns;
  record.end_ns = nanoseconds();
  record_on_timeline(std::move(record));
}

void Scheduler::complete(const std::shared_ptr<Operation>& operation) {
  if (operation->on_timeline) show(*operation);
  std::erase(running_, operation);
  operation->stream->queue.pop_front();
  operation->stream->head_started = false;
  advance();
}

// A message names a kernel that runs longer than this. SIMT_SLOW_SECONDS, else 5.
static long slow_seconds() {
  static const long seconds = [] {
    constexpr long kUsual = 5, kMost = 3600;
    const char* text = std::getenv("SIMT_SLOW_SECONDS");
    if (text == nullptr) return kUsual;
    const auto asked = whole_number(text, 1, kMost);
    if (!asked) {
      std::fprintf(stderr, "simt: SIMT_SLOW_SECONDS is '%s'; it must be 1 to %ld. Using %ld.\n", text, kMost,
                   kUsual);
    }
    return asked.value_or(kUsual);
  }();
  return seconds;
}

// A kernel that never ends prints nothing, so say after some seconds what the host waits for.
template <class Condition>
void Scheduler::wait_for(std::unique_lock<std::mutex>& lock, Condition condition) {
  const long patience = slow_seconds();
  if (condition()) return;
  TimelineRecord wait;
  wait.kind = RecordKind::kWait;
  note_submission(wait);
  ++waiting_hosts_;
  const auto finished = [&] { return condition() || stopping_; };
  while (!signals_->done.wait_for(lock, std::chrono::seconds(patience), finished)) {
    for (const auto& operation : running_) {
      if (operation->noted_as_slow || nanoseconds() - operation->head_since_ns < patience * 1'000'000'000)
        continue;
      operation->noted_as_slow = true;
      const std::string where = where_kernels_are(worker_threads_);
      explain(
          operation->name + " has been running for " + std::to_string(patience) + " s and still is" +
              (where.empty() ? "" : ": " + where) +
              ". Does its loop end? (A thread that spins until another thread of its block writes never ends "
              "on the CPU device: wait with a barrier. A block that it waits for must have started "
              "before it.)" +
              (inspector == nullptr ? std::string() : inspector->findings_so_far()),
          false);
    }
  }
  --waiting_hosts_;
  if (wait.submitted_ns == 0) return;
  wait.name = "wait for the device";
  wait.start_ns = wait.submitted_ns;
  wait.end_ns = nanoseconds();
  record_on_timeline(std::move(wait));
}

static void note_wait() {
  if (program_watch != nullptr) program_watch->waited();
}

void Scheduler::wait_stream(Stream* stream) {
  note_wait();
  std::unique_lock lock(mutex_);
  if (inspector != nullptr) order_.host_waited_for(*stream);
  if (stream->queue.empty()) return;
  const std::uint64_t last = stream->queue.back()->sequence;
  wait_for(lock, [&] {
    // Another host thread may have destroyed the stream by now.
    const bool exists = stream == &null_ || std::any_of(streams_.begin(), streams_.end(),
                                                        [&](const auto& s) { return s.get() == stream; });
    return !exists || stream->queue.empty() || stream->queue.front()->sequence > last;
  });
}

void Scheduler::wait_blocking_streams() {
  note_wait();
  std::unique_lock lock(mutex_);
  if (inspector != nullptr) order_.host_waited_for_blocking_streams();
  const std::uint64_t last = next_sequence_;
  const auto drained = [&](const Stream& s) { return s.queue.empty() || s.queue.front()->sequence >= last; };
  wait_for(lock, [&] {
    return drained(null_) && std::all_of(streams_.begin(), streams_.end(),
                                         [&](const auto& s) { return !s->blocking || drained(*s); });
  });
}

void Scheduler::wait_all(bool by_program) {
  if (by_program) note_wait();
  std::unique_lock lock(mutex_);
  by_program = by_program && inspector != nullptr;
  if (by_program) order_.host_waited_for_all();
  const std::uint64_t last = next_sequence_;
  const auto drained = [&](const Stream& s) { return s.queue.empty() || s.queue.front()->sequence >= last; };
  wait_for(lock, [&] {
    return drained(null_) &&
           std::all_of(streams_.begin(), streams_.end(), [&](const auto& s) { return drained(*s); });
  });
  if (by_program && next_sequence_ == last) order_.begin_era();
}

void Scheduler::wait_recording(const std::shared_ptr<Recording>& recording) {
  note_wait();
  std::unique_lock lock(mutex_);
  wait_for(lock, [&] { return recording->done; });
  if (recording->point != nullptr) order_.host_waited_for(*recording->point);
}

bool Scheduler::idle(Stream* stream) {
  note_wait();
  const std::lock_guard lock(mutex_);
  if (inspector != nullptr && stream->queue.empty()) order_.host_waited_for(*stream);
  return stream->queue.empty();
}

bool Scheduler::done(const Recording& recording) {
  note_wait();
  const std::lock_guard lock(mutex_);
  if (recording.done && recording.point != nullptr) order_.host_waited_for(*recording.point);
  return recording.done;
}

Stream* Scheduler::find(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy) return &null_;
  const std::lock_guard lock(mutex_);
  for (const auto& stream : streams_) {
    if (reinterpret_cast<cudaStream_t>(stream.get()) == handle && !stream->destroyed) return stream.get();
  }
  return nullptr;
}

std::shared_ptr<Capture> Scheduler::set_capture(Stream* stream, std::shared_ptr<Capture> capture) {
  const std::lock_guard lock(mutex_);
  return std::exchange(stream->capture, std::move(capture));
}

std::shared_ptr<Capture> Scheduler::capture_of(Stream* stream) {
  const std::lock_guard lock(mutex_);
  return stream->capture;
}

Stream* Scheduler::create_stream(bool blocking) {
  const std::lock_guard lock(mutex_);
  streams_.push_back(std::make_unique<Stream>());
  streams_.back()->blocking = blocking;
  streams_.back()->number = ++streams_created_;
  return streams_.back().get();
}

// Its operations still run. The stream is removed when the last of them is complete.
void Scheduler::destroy_stream(Stream* stream) {
  const std::lock_guard lock(mutex_);
  stream->destroyed = true;
  advance();
}

}  // namespace simt::detail
