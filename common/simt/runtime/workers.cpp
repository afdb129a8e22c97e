// The worker threads: how many, their loop, and how they end.
#include <link.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>

#include "runtime/block_runner.h"
#include "runtime/failure.h"
#include "runtime/fault.h"
#include "runtime/inspector.h"
#include "runtime/scheduler.h"
#include "runtime/setting.h"
#include "runtime/timeline.h"

namespace simt::detail {
namespace {

thread_local bool t_on_worker = false;
thread_local PointRef t_function_point;

// SIMT_WORKERS, else the cores that this process may use.
// The inspector needs the blocks one after the other, so that its findings are the same in every run.
unsigned wanted_workers() {
  if (inspector != nullptr) return 1;
  if (const char* text = std::getenv("SIMT_WORKERS")) {
    if (const auto count = whole_number(text, 1, 1024)) return static_cast<unsigned>(*count);
    std::fprintf(stderr, "simt: SIMT_WORKERS is '%s'; it must be 1 to 1024. Using the number of cores.\n",
                 text);
  }
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return 2;
  return static_cast<unsigned>(std::max(2, CPU_COUNT(&cores)));
}

// A thread's stack also contains its thread-local variables, which include the static shared memory of every
// kernel.
std::size_t thread_local_bytes() {
  std::size_t bytes = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void* total) {
        for (int i = 0; i < object->dlpi_phnum; ++i) {
          const auto& header = object->dlpi_phdr[i];
          if (header.p_type == PT_TLS) *static_cast<std::size_t*>(total) += header.p_memsz + header.p_align;
        }
        return 0;
      },
      &bytes);
  return bytes;
}

}  // namespace

bool on_worker() {
  return t_on_worker;
}

PointRef function_point() {
  return t_function_point;
}

Scheduler::Scheduler() : worker_count_(wanted_workers()) {
  std::atexit([] { Scheduler::get().stop(); });
  pthread_atfork([] { Scheduler::get().mutex_.lock(); }, [] { Scheduler::get().mutex_.unlock(); },
                 [] { Scheduler::get().after_fork(); });
}

void Scheduler::start_workers() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, (thread_local_bytes() + (8u << 20) + 4095) / 4096 * 4096);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  unsigned started = 0;
  // At least two: a kernel that waits for the host must not delay the other streams. If one worker was
  // requested, the blocks of a kernel still run one after the other (work_loop).
  const unsigned wanted = std::max(2u, worker_count_.load());
  for (unsigned i = 0; i < wanted; ++i) {
    pthread_t thread;
    const auto body = [](void* self) -> void* {
      static_cast<Scheduler*>(self)->work_loop();
      return nullptr;
    };
    if (pthread_create(&thread, &attributes, body, this) != 0) continue;
    worker_threads_.push_back(thread);
    ++started;
  }
  pthread_attr_destroy(&attributes);
  if (started == 0) {
    std::fprintf(stderr, "simt: the system grants no worker thread\n");
    std::abort();
  }
  threads_ = started;
  worker_count_ = std::min(worker_count_.load(), started);
  workers_started_ = true;
}

void Scheduler::work_loop() {
  t_on_worker = true;
  catch_faults_on_this_thread();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto has_room = [&](const auto& operation) { return operation->runners < worker_count_; };
    const auto next = std::find_if(active_.begin(), active_.end(), has_room);
    if (next == active_.end()) {
      ++sleeping_;
      signals_->work.wait(lock);
      --sleeping_;
      continue;
    }
    const std::shared_ptr<Operation> operation = *next;
    ++operation->runners;
    lock.unlock();
    run(*operation);
    lock.lock();
    --operation->runners;
    std::erase(active_, operation);
    // The first thread that finds it finished completes it.
    if (operation->finished == operation->total && !operation->completed) {
      operation->completed = true;
      complete(operation);
    }
  }
  ++exited_;
  signals_->done.notify_all();
}

// Take blocks until none is left.
void Scheduler::run(Operation& operation) {
  thread_local BlockRunner runner;
  for (;;) {
    const std::uint64_t first = operation.claimed.fetch_add(operation.chunk);
    if (first >= operation.total) return;
    const std::uint64_t last = std::min(first + operation.chunk, operation.total);
    if (first == 0) operation.start_ns = nanoseconds();
    // After a failure nothing else runs, as on a GPU. The same holds once the process exits.
    for (std::uint64_t i = first; i < last && device_error() == cudaSuccess && !stopping_; ++i) {
      if (operation.grid != nullptr) {
        runner.run(*operation.grid, operation.order(i));
      } else {
        if (operation.tells_host && operation.point != nullptr) {
          const std::lock_guard lock(mutex_);
          order_.host_waited_for(*operation.point);
          t_function_point = operation.point;
        }
        try {
          operation.work(i);
        } catch (const std::exception& error) {
          report_failure(cudaErrorLaunchFailure,
                         operation.name + ": an exception left the work: " + error.what());
        } catch (...) {
          report_failure(cudaErrorLaunchFailure, operation.name + ": an exception left the work");
        }
        t_function_point = nullptr;
      }
    }
    operation.finished.fetch_add(last - first);
  }
}

// At exit: let the running blocks finish, discard the rest, and do not wait for a kernel that never ends.
void Scheduler::stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  if (!workers_started_) return;
  signals_->work.notify_all();
  signals_->done.notify_all();
  const unsigned others = threads_ - (on_worker() ? 1 : 0);
  signals_->done.wait_for(lock, std::chrono::seconds(2), [&] { return exited_ >= others; });
}

// The child of a fork has no workers and none of the parent's operations.
void Scheduler::after_fork() {
  static_cast<void>(signals_.release());
  signals_ = std::make_unique<Signals>();
  active_.clear();
  running_.clear();
  worker_threads_.clear();
  null_.queue.clear();
  null_.head_started = false;
  for (const auto& stream : streams_) {
    stream->queue.clear();
    stream->head_started = false;
  }
  workers_started_ = false;
  sleeping_ = waiting_hosts_ = exited_ = 0;
  mutex_.unlock();
}

}  // namespace simt::detail
