#include "inspector/watch.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "inspector/device_memory.h"
#include "instrumented/source.h"
#include "instrumented/static_shared.h"
#include "runtime/block_runner.h"
#include "runtime/limits.h"

namespace simt::inspector {

using detail::context;

constinit thread_local Watch* watch = nullptr;
constinit thread_local int inside = 0;

namespace {

constexpr std::size_t kDynamicSpace = detail::kMaxSharedPerBlockOptIn;

template <class T>
T* fresh_array(std::size_t count) {
  void* memory = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<T*>(memory);
}

SharedShadow shadow_of(std::size_t bytes) {
  const std::size_t words = bytes / 4 + 1;
  return {fresh_array<SharedCell>(words), fresh_array<Settled>(words)};
}

// The clock of a block grows up to here, and with barriers further.
constexpr std::uint32_t kMostClock = 3u << 20;

}  // namespace

// Marks which bytes of the thread's variables belong to some array: the rest are gaps between them.
Watch::Watch()
    : image_base_(image_base()),
      variables_(thread_variables()),
      variable_bytes_(thread_variable_bytes()),
      static_shadow_(shadow_of(variable_bytes_)),
      dynamic_shadow_(shadow_of(kDynamicSpace)),
      warps_(detail::kMaxThreadsPerBlock / 32) {
  for (std::uintptr_t offset = 0; offset < variable_bytes_; ++offset) {
    const SharedArray* array = shared_array_at(offset);
    if (array == nullptr || offset - array->offset >= array->bytes) continue;
    static_shadow_.cells[offset / 4].exists |= static_cast<std::uint8_t>(1u << (offset % 4));
  }
}

void Watch::begin(const detail::Grid& grid, std::uint64_t number) {
  const std::uint32_t before = run_;
  run_ = add_run(grid, number);
  const bool new_launch = grid.number != launch_;
  if (new_launch) {
    launch_ = grid.number;
    first_run_ = run_;
    interleaved_ = false;
    order_.begin_launch();
  } else {
    interleaved_ = interleaved_ || run_ != before + 1;
  }
  look_at_streams(new_launch);
  clock_ = barrier_ = 1;
  ++phase_;
  lost_ = false;
  for_block_.reset();
  order_.begin_block();
  for (unsigned warp = 0; warp < (context.count + 31) / 32; ++warp) {
    warps_[warp].begin();
  }
  dynamic_ = reinterpret_cast<std::uintptr_t>(context.shared);
  dynamic_bytes_ = grid.shared_bytes;
  dynamic_space_ = dynamic_ + (dynamic_bytes_ + 127) / 128 * 128 - kDynamicSpace;
  arguments_ = reinterpret_cast<std::uintptr_t>(&grid);
  argument_bytes_ = grid.object_bytes();
}

void Watch::look_at_streams(bool new_launch) {
  Streams& streams = Streams::get();
  if (new_launch) {
    point_ = point_of_launch(launch_);
    if (point_ != nullptr) streams.begun(*point_);
  } else if (streams_version_ == streams.version()) {
    return;
  }
  streams_version_ = streams.version();
  all_before_ = point_ == nullptr || streams.orders_all_before(*point_);
  transfers_ = point_ == nullptr ? std::vector<TransferRef>() : streams.unordered_with(*point_);
}

Entry Watch::entry(Kind kind, std::uint32_t mask, std::uint32_t pc) const {
  const std::uint32_t linear = thread();
  const WarpClock& warp = warps_[linear / 32];
  return {run_, pc, clock_ << 10 | linear,
          static_cast<std::uint32_t>(warp.epoch) << 16 | warp.own(linear & 31) << 6 | kind << 4 | mask};
}

// Whether the running thread comes after `earlier` in every order in which threads can run.
inline bool Watch::ordered(const Entry& earlier) const {
  if (earlier.run != run_) return ordered_across_blocks(earlier);
  if (earlier.epoch() < barrier_ || earlier.thread() == thread()) return true;
  if (earlier.warp() == thread() / 32 && warps_[thread() / 32].has_seen(thread() & 31, earlier)) return true;
  return order_.active() && order_.knows(thread(), earlier);
}

bool Watch::ordered_across_blocks(const Entry& earlier) const {
  if (earlier.run < first_run_ && all_before_) return true;
  if (earlier.run < first_run_ || (interleaved_ && !same_launch(earlier.run, run_)))
    return point_ == nullptr || comes_before(earlier.run, *point_);
  return order_.active() && order_.knows(thread(), earlier);
}

void Watch::block_synchronized() {
  order_.barrier();
  barrier_ = ++clock_;
  ++phase_;
}

void Watch::warp_synchronized(unsigned warp, unsigned arrived, unsigned live, unsigned mask) {
  if (order_.active()) order_.warp_barrier(warp, arrived);
  warps_[warp].synchronize(arrived, live, mask);
}

// Accesses from here on are not among those that a fence or release has published. Other atomic operations
// are told apart only for what a finding says, so most numbers are left for fences and releases.
void Watch::tick(std::uint32_t most) {
  if (clock_ < most) ++clock_;
}

void Watch::fence(int order) {
  const Pause pause;
  if (!order_.active()) ++phase_;  // what is settled was settled without regard to fences
  if (order_.fence(order, now())) tick(kMostClock);
}

void Watch::atomic_done(std::uintptr_t address, Effect effect, int order, const void* caller) {
  if (lost_ || context.runner->on_stack(address)) return;
  const Pause pause;
  const bool is_shared = address - variables_ < variable_bytes_ || address - dynamic_space_ < kDynamicSpace;
  const bool was_active = order_.active();
  const bool publishes = order_.operation(address, is_shared, effect, order, place_of(caller), now());
  if (publishes || (effect & kStored) != 0) tick(publishes ? kMostClock : kMostClock / 3);
  if (order_.active() != was_active) ++phase_;
}

// A return address; the call lies before it.
std::uint32_t Watch::place_of(const void* caller) const {
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(caller) - image_base_ - 1);
}

// Two readers of blocks that have ended represent all later readers of this launch: no later write is ordered
// after both.
inline bool Watch::stands_for_readers(const Cell& cell) const {
  const Entry &first = cell.entry[1], &second = cell.entry[2];
  const auto is_of_earlier_block = [&](const Entry& e) {
    return e.run - first_run_ < run_ - first_run_ && e.kind() == kRead;
  };
  return is_of_earlier_block(first) && is_of_earlier_block(second) &&
         (first.run != second.run || first.warp() != second.warp()) && !order_.active() && !interleaved_;
}

// Compare with the accesses that the cell remembers, then remember this one.
template <bool kShared>
inline void Watch::visit(Cell& cell, std::uintptr_t address, const Entry& now) {
  const Kind kind = now.kind();
  Entry& same = cell.entry[kind == kWrite ? 0 : 1];
  if (same.run == now.run && same.who == now.who && same.how == now.how) return;

  // Most accesses read what was written before this block began, and what others read as well.
  const bool written_long_ago =
      kShared ? cell.entry[0].run != run_ : cell.entry[0].run < first_run_ && all_before_;
  if (!kShared && kind == kRead && written_long_ago && stands_for_readers(cell)) return;
  bool is_ordered[3] = {true, true, true};
  for (int i = kind == kRead && written_long_ago ? 1 : 0; i < 3; ++i) {
    const Entry& earlier = cell.entry[i];
    is_ordered[i] = earlier.run == 0 || (kShared && earlier.run != run_) || ordered(earlier);
    if (!is_ordered[i] && conflict(earlier, now) && (earlier.how & now.how & 0xf) != 0) {
      report_race(kShared, address, earlier, now);
    }
  }

  if (kind == kWrite) {
    // A write of the other half of the word must be kept.
    if (!is_ordered[0] && (cell.entry[0].how & now.how & 0xf) == 0) cell.entry[2] = cell.entry[0];
    cell.entry[0] = now;
    return;
  }
  // Keep two accesses that are not ordered, of two warps if possible: a later write can be ordered after both
  // only if a barrier orders it after all.
  if (is_ordered[1]) {
    cell.entry[1] = now;
  } else if (is_ordered[2] ||
             (cell.entry[2].run == cell.entry[1].run && cell.entry[2].warp() == cell.entry[1].warp())) {
    cell.entry[2] = now;
  }
}

void Watch::device_access(std::uintptr_t address, std::size_t bytes, Kind kind, std::uint32_t pc) {
  if (!transfers_.empty()) compare_with_transfers(address, bytes, kind, pc);
  const std::uintptr_t end = address + bytes;
  for (std::uintptr_t at = address; at < end;) {
    const std::uintptr_t next = std::min((at & ~std::uintptr_t{3}) + 4, end);
    const std::uint32_t mask = ((1u << (next - at)) - 1) << (at & 3);
    unsigned char& state = device_memory.state(at);
    if ((static_cast<std::uint32_t>(state >> 4) & mask) != mask) {
      return report_one(device_memory.was_freed(at) ? What::kUseAfterFree : What::kOutOfBounds, at, kind, pc);
    }
    if (kind == kWrite || is_atomic_store_) {
      state = static_cast<unsigned char>(state | mask);
    } else if ((~state & mask) != 0) {
      device_unwritten(at, mask, kind, pc);
    }
    visit<false>(device_memory.cell(at), at, entry(kind, mask, pc));
    at = next;
  }
}

// New memory is filled with ones. Code outside of kernels may have written it: a library on the host.
void Watch::device_unwritten(std::uintptr_t address, std::uint32_t mask, Kind kind, std::uint32_t pc) {
  const auto* word = reinterpret_cast<const unsigned char*>(address & ~std::uintptr_t{3});
  unsigned char& state = device_memory.state(address);
  bool report = true;
  for (int byte = 0; byte < 4; ++byte) report &= (mask & ~state & 1u << byte) == 0 || word[byte] == 0xff;
  if (report) report_one(What::kNeverWritten, address, kind, pc);
  if (!report || is_atomic(kind)) state = static_cast<unsigned char>(state | mask);
}

// Whether one more read of this cell would give no new information.
inline bool Watch::is_settled(const Settled& settled, SharedCell& cell, std::uint32_t mask,
                              std::uint32_t pc) const {
  if (settled.phase != phase_ || (settled.bytes & mask) != mask) return false;
  if (settled.warp == Settled::kEveryWarp) return true;
  const std::uint32_t warp = thread() / 32;
  if (settled.warp != warp || settled.warp_epoch != warps_[warp].epoch || warps_[warp].partial) return false;
  // If __syncwarp orders only some lanes, the last reader may still differ from the first.
  if (cell.cell.entry[1].thread() != thread()) cell.cell.entry[2] = entry(kRead, mask, pc);
  return true;
}

// After a read: do two threads stand for all other readers until the next barrier?
inline void Watch::settle(Settled& settled, const SharedCell& cell) const {
  const auto& [written, first, second] = cell.cell.entry;
  const auto is_read_now = [&](const Entry& e) {
    return e.run == run_ && e.epoch() >= barrier_ && e.kind() == kRead;
  };
  if (!is_read_now(first) || !is_read_now(second) || first.thread() == second.thread()) return;
  if (order_.active()) return;  // a fence may order a write after these two alone
  const bool written_before = written.run != run_ || written.epoch() < barrier_;
  if (first.warp() != second.warp()) {
    if (!written_before) return;
    settled.warp = Settled::kEveryWarp;
  } else {
    const WarpClock& warp = warps_[first.warp()];
    const bool in_step = first.warp_epoch() == warp.epoch && second.warp_epoch() == warp.epoch;
    const bool written_by_warp_before =
        written_before || (written.warp() == first.warp() && written.warp_epoch() != warp.epoch);
    if (warp.partial || !in_step || !written_by_warp_before) return;
    settled.warp = static_cast<std::uint8_t>(first.warp());
    settled.warp_epoch = warp.epoch;
  }
  settled.bytes = static_cast<std::uint8_t>(first.bytes() & second.bytes() & cell.written);
  settled.phase = phase_;
}

void Watch::shared_access(const SharedShadow& shadow, std::uintptr_t offset, std::uintptr_t address,
                          std::size_t bytes, Kind kind, std::uint32_t pc) {
  const std::uintptr_t end = offset + bytes;
  for (std::uintptr_t at = offset; at < end;) {
    const std::uintptr_t next = std::min((at & ~std::uintptr_t{3}) + 4, end);
    const std::uint32_t mask = ((1u << (next - at)) - 1) << (at & 3);
    const std::uintptr_t here = address + (at - offset);
    SharedCell& cell = shadow.cells[at / 4];
    Settled& settled = shadow.settled[at / 4];
    if (kind == kRead && is_settled(settled, cell, mask, pc)) {
      at = next;
      continue;
    }
    const bool exists = is_dynamic(shadow)
                            ? here >= dynamic_ && here + (next - at) <= dynamic_ + dynamic_bytes_
                            : (cell.exists & mask) == mask;
    if (!exists) return report_one(What::kOutOfBounds, here, kind, pc);
    if (cell.written_run != run_) {
      cell.written_run = run_;
      cell.written = 0;
    }
    if (kind != kWrite && !is_atomic_store_ && (cell.written & mask) != mask)
      report_one(What::kNeverWritten, here, kind, pc);
    visit<true>(cell.cell, here, entry(kind, mask, pc));
    if (kind == kRead) {
      settle(settled, cell);
    } else {
      cell.written = static_cast<std::uint8_t>(cell.written | mask);
      settled.bytes = 0;
    }
    at = next;
  }
}

void Watch::access(std::uintptr_t address, std::size_t bytes, Kind kind, const void* caller) {
  const auto context_start = reinterpret_cast<std::uintptr_t>(&context);
  if (address - context_start < sizeof(context)) return;
  const std::uint32_t pc = place_of(caller);
  if (kind == kAtomic && for_block_[thread()]) kind = kBlockAtomic;
  if (device_memory.holds(address)) return device_access(address, bytes, kind, pc);
  if (address - variables_ < variable_bytes_) {
    return shared_access(static_shadow_, address - variables_, address, bytes, kind, pc);
  }
  if (context.runner->on_stack(address) || address - arguments_ < argument_bytes_) return;
  if (address - dynamic_space_ < kDynamicSpace + detail::FiberPool::guard_bytes()) {
    if (address - dynamic_space_ >= kDynamicSpace) return report_one(What::kOutOfBounds, address, kind, pc);
    return shared_access(dynamic_shadow_, address - dynamic_space_, address, bytes, kind, pc);
  }
  other_access(address, bytes, kind, pc);
}

// Variables of the device and constants: there are few, and their cells are made at the first access. One
// block runs at a time.
void Watch::variable_access(std::uintptr_t address, std::size_t bytes, Kind kind, std::uint32_t pc) {
  static auto& cells = *new std::unordered_map<std::uintptr_t, Cell>;
  const std::uintptr_t end = address + bytes;
  for (std::uintptr_t at = address; at < end;) {
    const std::uintptr_t next = std::min((at & ~std::uintptr_t{3}) + 4, end);
    const std::uint32_t mask = ((1u << (next - at)) - 1) << (at & 3);
    visit<false>(cells[at / 4], at, entry(kind, mask, pc));
    at = next;
  }
}

void Watch::compares(std::uintptr_t address, std::size_t bytes) {
  const auto note = [&](const Cell& cell) {
    for (const Entry& e : cell.entry) {
      if (e.run == run_ && e.thread() == thread() && e.epoch() >= barrier_ && e.kind() == kRead)
        add_guess(e.pc);
    }
  };
  const Pause pause;
  for (std::uintptr_t at = address; at < address + bytes; at += 4) {
    if (device_memory.holds(at)) {
      note(device_memory.cell(at));
    } else if (at - variables_ < variable_bytes_) {
      note(static_shadow_.cells[(at - variables_) / 4].cell);
    } else if (at - dynamic_ < dynamic_bytes_) {
      note(dynamic_shadow_.cells[(at - dynamic_space_) / 4].cell);
    }
  }
}

void Watch::library_access(std::uintptr_t address, std::size_t bytes, Kind kind, const void* caller) {
  if (bytes == 0) return;
  const bool shared = address - variables_ < variable_bytes_ ||
                      address - dynamic_ < dynamic_bytes_ + detail::FiberPool::guard_bytes();
  if (shared || device_memory.holds(address)) access(address, bytes, kind, caller);
}

}  // namespace simt::inspector
