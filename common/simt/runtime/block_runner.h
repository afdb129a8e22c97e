// Runs one block of a grid on the calling worker: starts its threads, parks those that wait, and detects that
// none can continue.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/fault.h"
#include "runtime/fiber.h"
#include "runtime/order.h"
#include "simt/launch.h"
#include "simt/warp.h"

namespace simt::detail {

/// Lanes of one warp that wait for the others of their mask.
struct Rendezvous {
  unsigned mask = 0;
  unsigned expected = 0;  // lanes of the mask that have not returned
  unsigned arrived = 0;
  const WarpOperation* operation = nullptr;
  FiberList waiting;
};

struct Warp {
  WarpLanes lanes;
  int open = 0;  // entries of `rendezvous` in use
  std::array<Rendezvous, 32> rendezvous;
};

[[noreturn]] void called_outside_kernel(const char* name);

class BlockRunner {
 public:
  BlockRunner();
  ~BlockRunner();
  BlockRunner(const BlockRunner&) = delete;
  BlockRunner& operator=(const BlockRunner&) = delete;

  /// Runs block `number` of the grid. False when it failed; the failure has been reported.
  bool run(const Grid& grid, std::uint64_t number);

  // For the running thread.
  void barrier(const char* name, Site site);
  /// Adds the running thread's vote to the barrier that it is about to reach.
  void vote(int predicate) {
    collecting_.count += predicate != 0;
    collecting_.all = collecting_.all && predicate != 0;
    collecting_.any = collecting_.any || predicate != 0;
  }
  /// The votes of the latest barrier.
  BarrierVote votes() const { return vote_; }
  void rendezvous(const WarpOperation& operation, unsigned mask, Site site);
  unsigned converged(Site site);
  void yield();
  void thread_returned();
  WarpLanes& lanes() { return warps_[context.linear / 32].lanes; }
  /// Reports the failure of this block and gives it up.
  [[noreturn]] void fail(cudaError_t code, const std::string& what);
  /// The same, but first the other threads continue as far as they can without this one.
  [[noreturn]] void fail_thread(cudaError_t code, const std::string& what);
  /// Gives the block up; its failure has been reported.
  [[noreturn]] void abandon();
  /// Stores what a signal handler found, until the block has ended.
  void note_fault(const Fault& fault) { fault_ = fault; }

  const Grid* grid() const { return grid_; }
  /// True when `address` lies in what warp operations exchange.
  bool in_lanes(std::uintptr_t address) const {
    return address - reinterpret_cast<std::uintptr_t>(warps_.data()) < warps_.size() * sizeof(Warp);
  }
  /// True when `address` lies on the stack of the running thread.
  bool on_stack(std::uintptr_t address) const {
    return address - reinterpret_cast<std::uintptr_t>(current_->stack) < stack_with_guard_;
  }
  /// "kernel NAME, block (x,y,z), thread (x,y,z)" of the running thread.
  std::string where() const;

 private:
  [[noreturn]] static void fiber_main();
  void begin(const Grid& grid, std::uint64_t number);
  void switch_to(Fiber* target);
  Fiber* next_runnable();
  void note_waiting(const char* operation, Site site, unsigned mask);
  void park(const char* operation, Site site, unsigned mask);
  void release(FiberList& waiting) {
    if (seeded_) {
      release_shuffled(waiting);
    } else {
      ready_.append(waiting);
    }
  }
  void release_shuffled(FiberList& waiting);
  [[gnu::noinline]] void last_at_barrier(const char* name, Site site);
  void complete_barrier();
  unsigned live_lanes(unsigned warp) const;
  void complete(Warp& warp, int index);
  [[gnu::noinline]] void meet(const WarpOperation& operation, unsigned mask, Site site);
  [[noreturn]] void lane_left_out(const WarpOperation& operation, unsigned mask, Site site);
  [[noreturn]] void different_operations(const Rendezvous& meeting, const WarpOperation& operation,
                                         Site site);
  bool release_converging();
  void report_fault();
  std::string waiting_threads() const;
  std::string block_name() const;

  FiberPool pool_;
  Fiber home_;  // the worker's own stack
  Fiber* current_ = &home_;
  const std::size_t stack_with_guard_ = FiberPool::guard_bytes() + FiberPool::stack_bytes();
  FiberList ready_;
  const Grid* grid_ = nullptr;
  bool abandoned_ = false;
  bool failing_ = false;  // a thread has failed, and others go on
  Fault fault_;
  ThreadOrder order_;
  const bool seeded_ = order_.seeded();

  // The barrier of the block.
  FiberList at_barrier_;
  unsigned arrived_ = 0;
  Site barrier_site_ = {"", 0};
  bool barrier_divergent_ = false;
  BarrierVote collecting_ = {0, true, false};
  BarrierVote vote_ = {0, true, false};

  std::vector<Warp> warps_;
  unsigned warps_used_ = 0;  // a bit per warp
  FiberList converging_;     // threads in __activemask

  char* shared_mapping_ = nullptr;
  char* shared_end_ = nullptr;
};

// Take a thread that can continue and restore its place in the block; else a fiber to start threads on; else
// home.
[[gnu::always_inline]] inline Fiber* BlockRunner::next_runnable() {
  Context& c = context;
  if (ready_.empty()) return c.next != c.count ? pool_.acquire() : &home_;
  Fiber* next = ready_.pop_front();
  ready_.prefetch();
  next->operation = nullptr;
  --c.parked;
  c.linear = next->linear;
  c.thread = next->thread;
  return next;
}

[[gnu::always_inline]] inline void BlockRunner::switch_to(Fiber* target) {
  Fiber* self = current_;
  current_ = target;
  target->sanitized.announce();
  simt_switch_stack(&self->context, target->context);
}

[[gnu::always_inline]] inline void BlockRunner::note_waiting(const char* operation, Site site,
                                                             unsigned mask) {
  Fiber* self = current_;
  self->operation = operation;
  self->site = site;
  self->mask = mask;
  self->linear = context.linear;
  self->thread = context.thread;
  ++context.parked;
}

// Leave this thread's stack as it is and run another thread, until this one is ready again. This is the last
// action of a waiting function: after it returns, the thread continues in the kernel.
[[gnu::always_inline]] inline void BlockRunner::park(const char* operation, Site site, unsigned mask) {
  note_waiting(operation, site, mask);
  switch_to(next_runnable());
}

}  // namespace simt::detail
