#include "inspector/order.h"

#include <algorithm>

namespace simt::inspector {
namespace {

bool acquires(int order) {
  return order == __ATOMIC_CONSUME || order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL ||
         order == __ATOMIC_SEQ_CST;
}
bool releases(int order) {
  return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

// What the lanes of the warp have done that the running one has seen.
void add_lanes(Steps& steps, const Now& now) {
  const WarpClock& warp = *now.warp;
  const std::uint32_t lane = now.thread & 31, first = now.thread & ~31u;
  const std::uint32_t stamp = warp.wrapped ? ~0u : std::uint32_t{warp.epoch} << 10;
  if (stamp != 0 && warp.absent == 0) steps.push_back({Step::kWarp + now.thread / 32, now.clock, stamp});
  if (!warp.partial && warp.absent == 0) return;
  for (std::uint32_t other = 0; other < 32; ++other) {
    if (other == lane) continue;
    std::uint32_t upto = stamp;
    if ((warp.absent >> other & 1) != 0) {
      upto = std::uint32_t{warp.absent_epoch[other]} << 10 | warp.absent_clock[other];
    } else if (warp.partial && warp.seen[lane][other] != 0) {
      upto = (stamp | warp.seen[lane][other]) + 1;
    }
    if (upto != 0) steps.push_back({first + other, 0, upto});
  }
}

}  // namespace

void Order::begin_launch() {
  active_ = false;
  places_.clear();
  signals_.begin_launch();
}

void Order::begin_block() {
  for (const std::uint32_t thread : used_) threads_[thread] = {};
  used_.clear();
  changed_.clear();
  known_ = released_ = seen_ = nullptr;
  signals_.begin_block();
}

Order::Thread& Order::use(std::uint32_t thread) {
  Thread& t = threads_[thread];
  if (!t.is_used) used_.push_back(thread);
  if (!t.is_changed) changed_.push_back(thread);
  t.is_used = t.is_changed = true;
  return t;
}

// What the thread has done up to now, and what it knows of others.
ClockRef Order::everything(const Thread& thread, const Now& now) const {
  Steps steps{{now.thread, now.clock, 0}};
  add_lanes(steps, now);
  std::sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) { return a.who < b.who; });
  std::vector<Known> own{{now.run, now.below, std::make_shared<const Steps>(std::move(steps))}};
  return join(known(thread), std::make_shared<const Clock>(nullptr, std::move(own)));
}

bool Order::fence(int order, const Now& now) {
  active_ = true;
  Thread& thread = use(now.thread);
  if (acquires(order)) {
    learn(thread, thread.seen_in);
    if (!now.is_for_block) learn(thread, join(thread.seen, seen_));
  }
  if (!releases(order)) return false;
  thread.released_in = everything(thread, now);
  thread.fence_in = now.clock;
  if (!now.is_for_block) {
    thread.released = thread.released_in;
    thread.fence = now.clock;
  }
  return true;
}

bool Order::operation(std::uintptr_t address, bool is_shared, Effect effect, int order, std::uint32_t pc,
                      const Now& now) {
  const bool is_release = (effect & kStored) != 0 && releases(order);
  const bool is_acquire = (effect & kLoaded) != 0 && acquires(order);
  if (is_release || is_acquire) active_ = true;
  if ((effect & kLoaded) != 0)
    signals_.read(address, pc, effect == kUpdated ? Signals::By::kUpdate : Signals::By::kLoad, now);
  if (!active_) {
    if ((effect & kStored) != 0) signals_.given(address, {pc, 0, 0, nullptr, nullptr}, now);
    return false;
  }
  Thread& thread = use(now.thread);
  Place& place = places_[address];
  if (is_shared && place.run != now.run) place = {};  // the same address in another block's memory
  // What it publishes does not include what it reads.
  Published what;
  if ((effect & kStored) != 0) what = published(thread, is_release, now);
  if ((effect & kLoaded) != 0) read(place, thread, is_acquire, effect == kUpdated, now);
  if ((effect & kStored) != 0) {
    signals_.given(address, {pc, thread.fence, thread.fence_in, what.device, what.block}, now);
    write(place, what, effect == kUpdated, now);
  }
  if ((effect & kLoaded) != 0) {
    place.reader_run = now.run;
    place.read = place.writes.size();
  }
  return is_release;
}

void Order::read(const Place& place, Thread& thread, bool acquires, bool is_update, const Now& now) {
  const ClockRef& block = place.run == now.run ? place.block : nullptr;
  const ClockRef& device = now.is_for_block ? nullptr : place.device;
  // The exception for kernels that follow the programming guide: an update acquires if its thread has a fence
  // before it.
  if (is_update && !now.is_for_block && (thread.fence != 0 || released_ != nullptr)) acquires = true;
  if (acquires) {
    learn(thread, device);
    learn(thread, block);
    return;
  }
  thread.seen = join(thread.seen, device);
  thread.seen_in = join(thread.seen_in, block);
}

Order::Published Order::published(const Thread& thread, bool releases, const Now& now) const {
  Published what;
  if (releases) {
    what.block = everything(thread, now);
    if (!now.is_for_block) what.device = what.block;
  } else {
    if (!now.is_for_block) what.device = join(thread.released, released_);
    what.block = join(thread.released_in, what.device);
  }
  return what;
}

// An update continues what others have released there, and so does a store by the same thread. Any other
// store ends it.
void Order::write(Place& place, const Published& what, bool is_update, const Now& now) {
  const bool continues = is_update || (place.run == now.run && place.writer == now.thread);
  place.device = continues ? join(place.device, what.device) : what.device;
  place.block = continues && place.run == now.run ? join(place.block, what.block) : what.block;
  place.run = now.run;
  place.writer = now.thread;
  const std::uint64_t write = std::uint64_t{now.run} << 32 | now.clock << 10 | now.thread;
  if (!place.writes.empty() && place.writes.back() >> 32 == now.run &&
      (place.writes.back() & 0x3ff) == now.thread) {
    place.writes.back() = write;
  } else {
    place.writes.push_back(write);
  }
}

// All threads know what each knows. The exception for a fence on the other side of a barrier: it counts for
// all threads of the block.
void Order::barrier() {
  for (const std::uint32_t number : changed_) {
    Thread& thread = threads_[number];
    known_ = join(known_, thread.known);
    released_ = join(released_, thread.released);
    seen_ = join(seen_, thread.seen);
  }
  for (const std::uint32_t number : changed_) {
    Thread& thread = threads_[number];
    thread.known = thread.released = thread.seen = nullptr;
    thread.is_changed = false;
  }
  changed_.clear();
}

void Order::warp_barrier(unsigned warp, std::uint32_t lanes) {
  Thread all;
  for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    const Thread& lane = threads_[warp * 32 + static_cast<unsigned>(__builtin_ctz(rest))];
    all.known = join(all.known, lane.known);
    all.released = join(all.released, lane.released);
    all.seen = join(all.seen, lane.seen);
    all.fence = std::max(all.fence, lane.fence);
  }
  if (all.known == nullptr && all.released == nullptr && all.seen == nullptr) return;
  for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    Thread& lane = use(warp * 32 + static_cast<unsigned>(__builtin_ctz(rest)));
    lane.known = all.known;
    lane.released = all.released;
    lane.seen = all.seen;
    lane.fence = all.fence;
  }
}

bool Order::knows(std::uint32_t thread, const Entry& earlier) const {
  const ClockRef& clock = known(threads_[thread]);
  return clock != nullptr && clock->covers(earlier);
}

bool Order::has_read(std::uintptr_t address, const Entry& earlier, std::uint32_t run) const {
  const auto found = places_.find(address);
  if (found == places_.end() || found->second.reader_run != run) return false;
  const auto& writes = found->second.writes;
  return std::any_of(writes.begin(), writes.begin() + static_cast<std::ptrdiff_t>(found->second.read),
                     [&](std::uint64_t write) {
                       const auto who = static_cast<std::uint32_t>(write);
                       return write >> 32 == earlier.run && (who & 0x3ff) == earlier.thread() &&
                              who >> 10 >= earlier.epoch();
                     });
}

}  // namespace simt::inspector
