// What fences and atomic operations order: the rules of C++ and PTX for release, acquire, relaxed operations
// and fences, with two exceptions (docs/inspector.md).
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "inspector/clock.h"
#include "inspector/signals.h"

namespace simt::inspector {

/// The running thread, and which accesses come before what it does now.
struct Now {
  std::uint32_t run, thread;
  std::uint32_t clock;  // of the block; it grows after each release and at each barrier
  std::uint32_t below;  // the clock at the last barrier
  const WarpClock* warp;
  bool is_for_block;  // the scope of what it does
};

class Order {
 public:
  void begin_launch();
  void begin_block();

  /// Whether this launch has had a fence, or an operation that is not relaxed. Before that nothing is
  /// ordered.
  bool active() const { return active_; }

  /// `order` is one of __ATOMIC_*. True if accesses after it must be told from those before.
  bool fence(int order, const Now& now);
  /// An atomic operation has happened. The same result.
  bool operation(std::uintptr_t address, bool is_shared, Effect effect, int order, std::uint32_t pc,
                 const Now& now);
  void barrier();
  void warp_barrier(unsigned warp, std::uint32_t lanes);

  /// Whether `earlier` comes before what the thread does now, by fences and atomic operations.
  bool knows(std::uint32_t thread, const Entry& earlier) const;
  /// Whether the block has read what this atomic operation has stored at that address.
  bool has_read(std::uintptr_t address, const Entry& earlier, std::uint32_t run) const;
  /// A plain load races with an atomic operation: perhaps it was meant to wait for it.
  void plain_load(std::uintptr_t address, std::uint32_t pc, const Now& now) {
    signals_.read(address, pc, Signals::By::kPlainLoad, now);
  }
  /// Why `earlier` does not come before, if the thread has seen a signal that was given after it.
  Missing missing(std::uintptr_t address, const Entry& earlier, const Now& now) const {
    return signals_.missing(address, earlier, now);
  }

 private:
  struct Thread {
    ClockRef known;                         // by acquiring; null: what the block knows
    ClockRef released;                      // up to its last fence for the device
    ClockRef released_in;                   // up to its last fence of any scope: for its own block
    ClockRef seen;                          // read by relaxed operations: known after a fence for the device
    ClockRef seen_in;                       // the part that comes from its own block: known after any fence
    std::uint32_t fence = 0, fence_in = 0;  // the clock of these fences; 0: there was none
    bool is_used = false, is_changed = false;  // in this block; since the last barrier
  };
  struct Place {
    ClockRef device, block;    // what reading it may show to all, and to threads of `run`
    std::uint32_t run = 0;     // of the last writer
    std::uint32_t writer = 0;  // its thread
    std::vector<std::uint64_t> writes;
    std::uint32_t reader_run = 0;
    std::size_t read = 0;  // of `writes`, by that block
  };

  Thread& use(std::uint32_t thread);
  const ClockRef& known(const Thread& thread) const {
    return thread.known == nullptr ? known_ : thread.known;
  }
  ClockRef everything(const Thread& thread, const Now& now) const;
  void learn(Thread& thread, const ClockRef& clock) { thread.known = join(known(thread), clock); }
  void read(const Place& place, Thread& thread, bool acquires, bool is_update, const Now& now);
  struct Published {
    ClockRef device, block;
  };
  Published published(const Thread& thread, bool releases, const Now& now) const;
  void write(Place& place, const Published& what, bool is_update, const Now& now);

  bool active_ = false;
  ClockRef known_, released_, seen_;  // what barriers have handed on to the whole block
  std::vector<Thread> threads_ = std::vector<Thread>(1024);
  std::vector<std::uint32_t> used_, changed_;
  std::unordered_map<std::uintptr_t, Place> places_;  // of this launch
  Signals signals_;
};

}  // namespace simt::inspector
