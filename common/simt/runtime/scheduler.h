// Streams and workers: which operations wait, which may run, and which workers run them.
//
// A stream is a queue of operations. When the one at its head may start, workers take it: the blocks of a
// kernel one by one and in parallel, any other work whole. The last worker that finishes an operation starts
// those that waited for it.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/order.h"
#include "runtime/stream_order.h"
#include "runtime/timeline.h"
#include "simt/launch.h"

namespace simt::detail {

struct Stream;
struct Capture;

/// One recording of an event: done when the stream reached it.
struct Recording {
  bool done = false;
  std::int64_t time_ns = 0;
  PointRef point;  // under the inspector
};

struct Operation {
  // One of these four.
  std::shared_ptr<Grid> grid;                    // of a graph: that of every launch of this node
  std::function<void(std::uint64_t part)> work;  // parts 0 .. total - 1, in parallel
  std::shared_ptr<Recording> record;
  std::shared_ptr<Recording> wait;

  std::string name;
  std::uint32_t number = 0;  // of a kernel: among all launches
  PointRef point;            // under the inspector
  bool on_timeline = false;
  bool tells_host = false;     // it runs code of the program
  TimelineRecord shown;        // what the timeline shows of it, but for its times
  std::uint64_t sequence = 0;  // position among the operations of all streams
  Stream* stream = nullptr;
  BlockOrder order{1};
  std::uint64_t total = 1;  // blocks, or parts of the work
  std::uint64_t chunk = 1;  // blocks that a worker takes at once
  std::atomic<std::uint64_t> claimed = 0, finished = 0;
  unsigned runners = 0;  // workers that run it now
  bool completed = false;
  bool noted_as_slow = false;
  std::int64_t head_since_ns = 0;  // when it came to the head of its stream
  std::int64_t start_ns = 0;       // when a worker took its first block
};

struct Stream {
  unsigned number = 0;   // 0 is the null stream, the others count from 1
  bool blocking = true;  // orders itself with the null stream
  bool destroyed = false;
  std::deque<std::shared_ptr<Operation>> queue;  // the head may be running
  bool head_started = false;
  std::shared_ptr<Capture> capture;  // while its work is recorded in a graph
};

class Scheduler {
 public:
  /// The scheduler of this process. Its workers start with the first operation.
  static Scheduler& get();

  void submit(Stream* stream, std::shared_ptr<Operation> operation);
  /// Waits for everything that `stream` holds now.
  void wait_stream(Stream* stream);
  /// Waits for everything that the null stream would wait for.
  void wait_blocking_streams();
  /// `by_program`: the program waits, which orders later work after it; false if the runtime itself waits.
  void wait_all(bool by_program = true);
  void wait_recording(const std::shared_ptr<Recording>& recording);
  bool idle(Stream* stream);
  bool done(const Recording& recording);

  /// For the inspector: work of the null stream that the host does itself, and a step of the host.
  PointRef work_of_host();
  PointRef host_point();

  Stream* null_stream() { return &null_; }
  /// The stream of a handle; null when there is none.
  Stream* find(cudaStream_t handle);
  Stream* create_stream(bool blocking);
  void destroy_stream(Stream* stream);
  /// For stream capture: what is recorded replaces `capture`; the former one is returned.
  std::shared_ptr<Capture> set_capture(Stream* stream, std::shared_ptr<Capture> capture);
  std::shared_ptr<Capture> capture_of(Stream* stream);
  /// How many workers run the blocks of one kernel.
  unsigned workers() const { return worker_count_; }
  /// False once the process exits.
  bool accepts_work() const { return !stopping_.load(); }

 private:
  Scheduler();
  void start_workers();
  void work_loop();
  void run(Operation& operation);
  void complete(const std::shared_ptr<Operation>& operation);
  void show(Operation& operation);
  void note_order(Operation& operation);
  void advance();
  bool may_start(const Stream& stream) const;
  void start(const std::shared_ptr<Operation>& operation);
  template <class Condition>
  void wait_for(std::unique_lock<std::mutex>& lock, Condition condition);
  void stop();
  void after_fork();

  // Replaced in the child of a fork, where nobody holds or waits for the old ones.
  struct Signals {
    std::condition_variable work, done;
  };

  std::mutex mutex_;
  std::unique_ptr<Signals> signals_ = std::make_unique<Signals>();
  std::deque<std::shared_ptr<Operation>> active_;   // started, with blocks left to take
  std::deque<std::shared_ptr<Operation>> running_;  // started, not complete
  Stream null_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::uint64_t next_sequence_ = 1;
  StreamOrder order_;  // under the inspector
  unsigned streams_created_ = 0;
  std::atomic<unsigned> worker_count_;  // fewer than wanted, once the system has refused some
  std::vector<pthread_t> worker_threads_;
  unsigned threads_ = 0;  // at least two, see start_workers()
  bool workers_started_ = false;
  unsigned sleeping_ = 0;
  unsigned waiting_hosts_ = 0;
  unsigned exited_ = 0;
  std::atomic<bool> stopping_ = false;
};

/// True on a worker, where calls of the API could wait for themselves.
bool on_worker();
/// The point in the order of the host function that this worker runs in a stream; null elsewhere.
PointRef function_point();

}  // namespace simt::detail
