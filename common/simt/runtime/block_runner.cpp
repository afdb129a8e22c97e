#include "runtime/block_runner.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>

#include "runtime/failure.h"
#include "runtime/inspector.h"
#include "runtime/limits.h"

namespace simt::detail {

constinit thread_local Context context;

// Whole pages, so that dynamic shared memory can end where a guard begins: the first access past the end
// faults.
static std::size_t shared_mapping_bytes() {
  const std::size_t unit = FiberPool::guard_bytes();
  return (kMaxSharedPerBlockOptIn + unit - 1) / unit * unit;
}

BlockRunner::BlockRunner() : pool_(fiber_main), warps_(kMaxThreadsPerBlock / 32) {
  void* memory = mmap(nullptr, shared_mapping_bytes() + FiberPool::guard_bytes(), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  shared_mapping_ = static_cast<char*>(memory);
  shared_end_ = shared_mapping_ + shared_mapping_bytes();
  mprotect(shared_end_, FiberPool::guard_bytes(), PROT_NONE);
}

BlockRunner::~BlockRunner() {
  munmap(shared_mapping_, shared_mapping_bytes() + FiberPool::guard_bytes());
}

// A fiber runs threads of the current block until none is left to start, then waits in the pool.
void BlockRunner::fiber_main() {
  BlockRunner* runner = context.runner;
  for (;;) {
    try {
      runner->grid_->run_threads();
    } catch (const std::exception& error) {
      report_failure(cudaErrorLaunchFailure,
                     runner->where() + ": a C++ exception left the kernel: " + error.what());
      runner->abandoned_ = true;
    } catch (...) {
      report_failure(cudaErrorLaunchFailure, runner->where() + ": a C++ exception left the kernel");
      runner->abandoned_ = true;
    }
    Fiber* self = runner->current_;
    if (runner->abandoned_) {
      runner->switch_to(&runner->home_);
    } else {
      Fiber* next = runner->ready_.empty() ? &runner->home_ : runner->next_runnable();
      runner->pool_.release(self);
      runner->switch_to(next);
    }
  }
}

void BlockRunner::begin(const Grid& grid, std::uint64_t number) {
  Context& c = context;
  grid_ = &grid;
  c.runner = this;
  c.grid_dim = grid.grid;
  c.block_dim = grid.block;
  c.block.x = static_cast<unsigned>(number % grid.grid.x);
  c.block.y = static_cast<unsigned>(number / grid.grid.x % grid.grid.y);
  c.block.z = static_cast<unsigned>(number / grid.grid.x / grid.grid.y);
  c.count = c.live = grid.block.x * grid.block.y * grid.block.z;
  c.next = c.parked = 0;
  c.flat = c.count == grid.block.x;
  c.order = order_.threads(c.count, number);
  std::memset(c.exited, 0, (c.count + 31) / 32 * sizeof(unsigned));

  // On a GPU, shared memory contains arbitrary values at the start. Fill it with NaN, so that no kernel
  // relies on zeros.
  const std::size_t bytes = (grid.shared_bytes + 127) / 128 * 128;
  c.shared = shared_end_ - bytes;
  std::memset(c.shared, 0xff, bytes);

  abandoned_ = failing_ = false;
  ready_.clear();
  at_barrier_.clear();
  converging_.clear();
  arrived_ = 0;
  barrier_divergent_ = false;
  collecting_ = {0, true, false};
  for (; warps_used_ != 0; warps_used_ &= warps_used_ - 1) warps_[__builtin_ctz(warps_used_)].open = 0;
}

bool BlockRunner::run(const Grid& grid, std::uint64_t number) {
  begin(grid, number);
  if (inspector != nullptr) inspector->block_begins(grid, number);
  home_.sanitized.be_current();
  switch_to(pool_.acquire());
  while (!abandoned_ && context.live != 0) {
    if (failing_) {
      abandoned_ = true;
    } else if (release_converging()) {
      switch_to(next_runnable());
    } else {
      report_failure(cudaErrorLaunchFailure,
                     block_name() + ": deadlock, no thread can go on: " + waiting_threads());
      abandoned_ = true;
    }
  }
  if (inspector != nullptr) inspector->block_ends();
  if (fault_.signal != 0) report_fault();
  if (abandoned_) pool_.reset();
  context.runner = nullptr;
  return !abandoned_;
}

// Threads that waited continue in the order in which they arrived, unless the order is seeded.
void BlockRunner::release_shuffled(FiberList& waiting) {
  std::vector<Fiber*> fibers;
  while (!waiting.empty()) fibers.push_back(waiting.pop_front());
  for (std::size_t i = fibers.size(); i > 1; --i) std::swap(fibers[i - 1], fibers[order_.random().below(i)]);
  for (Fiber* fiber : fibers) ready_.push_back(fiber);
}

// After the threads that are ready and after one thread that has not started.
void BlockRunner::yield() {
  if (ready_.empty() && context.next == context.count) return;
  Fiber* self = current_;
  note_waiting("__nanosleep", {"", 0}, 0);
  ready_.push_back(self);
  switch_to(context.next != context.count ? pool_.acquire() : next_runnable());
}

void BlockRunner::fail(cudaError_t code, const std::string& what) {
  report_failure(code, what);
  abandon();
}

void BlockRunner::fail_thread(cudaError_t code, const std::string& what) {
  report_failure(code, what);
  failing_ = true;
  switch_to(next_runnable());
  __builtin_unreachable();
}

void BlockRunner::abandon() {
  abandoned_ = true;
  switch_to(&home_);
  __builtin_unreachable();
}

}  // namespace simt::detail
