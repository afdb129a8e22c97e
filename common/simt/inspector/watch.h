// The inspector's state of the block that this worker runs, and the checks of every access.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "inspector/entry.h"
#include "inspector/findings.h"
#include "inspector/order.h"
#include "inspector/streams.h"
#include "simt/launch.h"

namespace simt::inspector {

/// Four bytes of shared memory. Entries of another run are ignored.
struct SharedCell {
  Cell cell;
  std::uint32_t written_run = 0;
  std::uint8_t written = 0;  // in that run: a bit for each byte
  std::uint8_t exists = 0;   // a bit for each byte that belongs to an array
};

/// Most accesses read bytes that two threads have read since the last barrier and that no thread has written
/// since. Another read of such "settled" bytes does not change the verdict on a later write. `bytes` tells
/// which of four bytes are settled, for the readers of one warp or (kEveryWarp) of all. This is not part of
/// SharedCell, so that the data that most accesses need stays in the cache.
struct Settled {
  static constexpr std::uint8_t kEveryWarp = 0xff;
  std::uint32_t phase = 0;  // Watch::phase_ at that time
  std::uint8_t bytes = 0;
  std::uint8_t warp = 0;
  std::uint16_t warp_epoch = 0;
};
static_assert(sizeof(Settled) == 8);

/// The shadow of some shared memory: for each four bytes, one of either.
struct SharedShadow {
  SharedCell* cells;
  Settled* settled;
};

class Watch {
 public:
  Watch();

  void begin(const detail::Grid& grid, std::uint64_t number);
  void block_synchronized();
  void warp_synchronized(unsigned warp, unsigned arrived, unsigned live, unsigned mask);
  /// The running thread has failed. Of the other threads, only accesses outside of arrays and reads of
  /// unwritten memory are still reported; they may lack the effects of this thread.
  void lose_thread() { lost_ = true; }
  /// Ends the block if a thread has failed, because others may wait in a loop for what it would have
  /// published.
  void before_atomic() const;
  // The atomic access in between reads nothing.
  void begin_atomic_store() { is_atomic_store_ = true; }
  void end_atomic_store() { is_atomic_store_ = false; }
  void fence(int order);
  /// What the running thread does next is ordered for its block only; or no longer.
  void set_scope(bool is_for_block) { for_block_.set(thread(), is_for_block); }
  /// The atomic operation that was checked last has happened.
  void atomic_done(std::uintptr_t address, Effect effect, int order, const void* caller);

  void access(std::uintptr_t address, std::size_t bytes, Kind kind, const void* pc);
  /// The same by a function of the C library, which host code calls as well. So only memory of the device
  /// counts.
  void library_access(std::uintptr_t address, std::size_t bytes, Kind kind, const void* pc);
  /// A compare-and-swap is about to check what this thread has read here.
  void compares(std::uintptr_t address, std::size_t bytes);
  /// A finding of the compiler's own checks, at a place that the compiler has stored.
  void report_at(What what, const Site& site, Kind kind, const std::string& memory);

 private:
  std::uint32_t thread() const { return detail::context.linear; }
  std::uint32_t who() const { return clock_ << 10 | thread(); }
  Now now() const { return {run_, thread(), clock_, barrier_, &warps_[thread() / 32], for_block_[thread()]}; }
  std::uint32_t place_of(const void* caller) const;
  void tick(std::uint32_t most);
  Entry entry(Kind kind, std::uint32_t mask, std::uint32_t pc) const;
  bool ordered(const Entry& earlier) const;
  bool ordered_across_blocks(const Entry& earlier) const;
  void look_at_streams(bool new_launch);
  [[gnu::cold, gnu::noinline]] void compare_with_transfers(std::uintptr_t address, std::size_t bytes,
                                                           Kind kind, std::uint32_t pc);

  void device_access(std::uintptr_t address, std::size_t bytes, Kind kind, std::uint32_t pc);
  void shared_access(const SharedShadow& shadow, std::uintptr_t offset, std::uintptr_t address,
                     std::size_t bytes, Kind kind, std::uint32_t pc);
  void other_access(std::uintptr_t address, std::size_t bytes, Kind kind, std::uint32_t pc);
  void variable_access(std::uintptr_t address, std::size_t bytes, Kind kind, std::uint32_t pc);
  bool is_settled(const Settled& settled, SharedCell& cell, std::uint32_t mask, std::uint32_t pc) const;
  void settle(Settled& settled, const SharedCell& cell) const;
  bool stands_for_readers(const Cell& cell) const;
  template <bool kShared>
  void visit(Cell& cell, std::uintptr_t address, const Entry& now);
  bool is_dynamic(const SharedShadow& shadow) const { return &shadow == &dynamic_shadow_; }

  [[gnu::cold, gnu::noinline]] void report_race(bool shared, std::uintptr_t address, const Entry& earlier,
                                                const Entry& now);
  [[gnu::cold, gnu::noinline]] void report_one(What what, std::uintptr_t address, Kind kind,
                                               std::uint32_t pc);
  [[gnu::cold, gnu::noinline]] void device_unwritten(std::uintptr_t address, std::uint32_t mask, Kind kind,
                                                     std::uint32_t pc);
  bool is_guard(std::uintptr_t address) const;
  std::string describe(What what, std::uintptr_t address) const;

  std::uint32_t run_ = 0;
  std::uint32_t first_run_ = 0;         // of this launch
  bool interleaved_ = false;            // blocks of another launch ran between those of this one
  detail::PointRef point_;              // of this launch among all operations
  bool all_before_ = true;              // what has begun so far comes before this launch
  std::vector<TransferRef> transfers_;  // that nothing orders with it
  std::uint64_t streams_version_ = 0;
  std::uint32_t launch_ = 0;
  bool lost_ = false;          // a thread of this block has failed
  std::uint32_t clock_ = 1;    // of the block: barriers, fences and releases
  std::uint32_t barrier_ = 1;  // the clock at the last barrier
  std::uint32_t phase_ = 0;    // counts barriers and the starts of blocks
  const std::uintptr_t image_base_;
  const std::uintptr_t variables_;
  const std::size_t variable_bytes_;
  std::uintptr_t dynamic_space_ = 0;  // where dynamic shared memory can be at all
  std::uintptr_t dynamic_ = 0;        // where it starts
  std::size_t dynamic_bytes_ = 0;
  std::uintptr_t arguments_ = 0;
  std::size_t argument_bytes_ = 0;
  SharedShadow static_shadow_;
  SharedShadow dynamic_shadow_;
  std::vector<WarpClock> warps_;

  bool is_atomic_store_ = false;
  std::bitset<1024> for_block_;  // threads that are in an operation of that scope
  Order order_;
};

/// Whether a kernel has allocated this with new or malloc. Null if allocations of kernels are not recorded.
extern bool (*is_on_device_heap)(std::uintptr_t address);

/// An access to device memory by code outside of kernels. It is a finding, except for managed memory and for
/// work that a stream does.
[[gnu::cold, gnu::noinline]] void host_access(std::uintptr_t address, std::size_t bytes, Kind kind,
                                              const void* caller);

/// A compare-and-swap of the host is about to check the value that the host has read last, if it was read at
/// this address.
void host_compares(std::uintptr_t address);

/// Null while no block runs on this thread.
extern constinit thread_local Watch* watch __attribute__((tls_model("initial-exec")));

/// How many functions of the inspector this thread is in that may call functions of a library.
extern constinit thread_local int inside __attribute__((tls_model("initial-exec")));

/// While one exists, what this thread does on the host is the inspector's own work. The linker keeps one copy
/// of each function of the library's headers, such as those of std::string, and that may be an inspected
/// file's: its accesses would enter the inspector again, which holds its locks.
class Inside {
 public:
  Inside() { ++inside; }
  ~Inside() { --inside; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

/// While one exists, accesses of a kernel are not recorded: the inspector itself is running.
class Pause {
 public:
  Pause() { watch = nullptr; }
  ~Pause() { watch = paused_; }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  Watch* const paused_ = watch;
  const Inside inside_;
};

}  // namespace simt::inspector
