// How a thread waits for the barrier of its block and for the lanes of its warp, and the message of a block
// in which every thread waits.
#include <fmt/format.h>

#include <map>
#include <tuple>

#include "runtime/block_runner.h"
#include "runtime/failure.h"
#include "runtime/inspector.h"

namespace simt::detail {

// The last thread to arrive makes the others ready and continues itself.
[[gnu::always_inline]] inline void BlockRunner::barrier(const char* name, Site site) {
  if (arrived_ == 0) {
    barrier_site_ = site;
  } else if (site.line != barrier_site_.line || site.file != barrier_site_.file) {
    barrier_divergent_ = true;
  }
  if (++arrived_ == context.live) return last_at_barrier(name, site);
  at_barrier_.push_back(current_);
  park(name, site, 0);
}

void block_barrier(const char* name, Site site) {
  if (context.runner == nullptr) called_outside_kernel(name);
  context.runner->barrier(name, site);
}

BarrierVote block_vote(const char* name, int predicate, Site site) {
  if (context.runner == nullptr) called_outside_kernel(name);
  context.runner->vote(predicate);
  block_barrier(name, site);
  return context.runner->votes();
}

void BlockRunner::last_at_barrier(const char* name, Site site) {
  if (barrier_divergent_) {
    // This thread counts as waiting, too.
    current_->operation = name;
    current_->site = site;
  }
  complete_barrier();
}

void BlockRunner::complete_barrier() {
  if (barrier_divergent_) {
    fail(cudaErrorLaunchFailure,
         fmt::format("{}: divergent barrier: {}. All threads of a block must reach the same "
                     "__syncthreads().",
                     block_name(), waiting_threads()));
  }
  if (inspector != nullptr) inspector->block_synchronized();
  vote_ = collecting_;
  collecting_ = {0, true, false};
  arrived_ = 0;
  release(at_barrier_);
}

unsigned BlockRunner::live_lanes(unsigned warp) const {
  const unsigned first = warp * 32;
  const unsigned lanes = context.count - first >= 32 ? 0xffffffffu : (1u << (context.count - first)) - 1;
  return lanes & ~context.exited[warp];
}

// The usual case: the lane's meeting is already open, and it is the only one of the warp.
[[gnu::always_inline]] inline void BlockRunner::rendezvous(const WarpOperation& operation, unsigned mask,
                                                           Site site) {
  const unsigned lane = 1u << (context.linear % 32);
  Warp& warp = warps_[context.linear / 32];
  Rendezvous& meeting = warp.rendezvous[0];
  const bool is_open = warp.open == 1 && meeting.mask == mask && meeting.operation == &operation;
  if (!is_open || (mask & lane) == 0) return meet(operation, mask, site);
  meeting.arrived |= lane;
  if (meeting.arrived == meeting.expected) return complete(warp, 0);
  meeting.waiting.push_back(current_);
  park(operation.name, site, mask);
}

// The other cases: the first lane of a meeting, one of several meetings, or a mistake.
void BlockRunner::meet(const WarpOperation& operation, unsigned mask, Site site) {
  const unsigned number = context.linear / 32;
  const unsigned lane = 1u << (context.linear % 32);
  Warp& warp = warps_[number];
  if ((mask & lane) == 0) lane_left_out(operation, mask, site);
  warps_used_ |= 1u << number;

  int index = 0;
  while (index < warp.open && warp.rendezvous[index].mask != mask) ++index;
  Rendezvous& meeting = warp.rendezvous[index];
  if (index == warp.open) {
    ++warp.open;
    meeting = {mask, mask & live_lanes(number), 0, &operation, {}};
  } else if (meeting.operation != &operation) {
    different_operations(meeting, operation, site);
  }
  meeting.arrived |= lane;
  if (meeting.arrived == meeting.expected) return complete(warp, index);
  meeting.waiting.push_back(current_);
  park(operation.name, site, mask);
}

void warp_rendezvous(const WarpOperation& operation, unsigned mask, Site site) {
  if (context.runner == nullptr) called_outside_kernel(operation.name);
  context.runner->rendezvous(operation, mask, site);
}

void BlockRunner::lane_left_out(const WarpOperation& operation, unsigned mask, Site site) {
  fail(cudaErrorLaunchFailure,
       fmt::format("{}: {} at {}:{} with mask {:#010x}, which leaves the calling lane {} out", where(),
                   operation.name, base_name(site.file), site.line, mask, context.linear % 32));
}

void BlockRunner::different_operations(const Rendezvous& meeting, const WarpOperation& operation, Site site) {
  const Site other = meeting.waiting.head()->site;
  fail(
      cudaErrorLaunchFailure,
      fmt::format("{}: lanes of one mask ({:#010x}) are in different operations: {} at {}:{} and {} at {}:{}",
                  where(), meeting.mask, meeting.operation->name, base_name(other.file), other.line,
                  operation.name, base_name(site.file), site.line));
}

void BlockRunner::complete(Warp& warp, int index) {
  Rendezvous& meeting = warp.rendezvous[index];
  meeting.operation->complete(warp.lanes, meeting.arrived);
  if (inspector != nullptr && meeting.operation == &kSyncWarp) {
    const auto number = static_cast<unsigned>(&warp - warps_.data());
    inspector->warp_synchronized(number, meeting.arrived, live_lanes(number), meeting.mask);
  }
  release(meeting.waiting);
  --warp.open;
  if (index != warp.open) warp.rendezvous[index] = warp.rendezvous[warp.open];
}

// A thread that returned is no longer waited for. It may have been the last one that was missing.
void BlockRunner::thread_returned() {
  if (arrived_ != 0 && arrived_ == context.live) complete_barrier();
  const unsigned number = context.linear / 32;
  Warp& warp = warps_[number];
  if ((warps_used_ >> number & 1) == 0) return;
  const unsigned live = live_lanes(number);
  for (int i = warp.open - 1; i >= 0; --i) {
    Rendezvous& meeting = warp.rendezvous[i];
    meeting.expected &= live;
    if (meeting.arrived == meeting.expected) complete(warp, i);
  }
}

unsigned BlockRunner::converged(Site site) {
  converging_.push_back(current_);
  Fiber* self = current_;
  park("__activemask", site, 0);
  return self->mask;
}

// No other thread can run: the lanes of a warp that wait in the same __activemask are its active lanes.
bool BlockRunner::release_converging() {
  if (converging_.empty()) return false;
  std::map<std::tuple<unsigned, const char*, int>, unsigned> masks;
  const auto key = [](const Fiber* f) { return std::tuple(f->linear / 32, f->site.file, f->site.line); };
  for (Fiber* f = converging_.head(); f != nullptr; f = f->next) masks[key(f)] |= 1u << (f->linear % 32);
  for (Fiber* f = converging_.head(); f != nullptr; f = f->next) f->mask = masks[key(f)];
  release(converging_);
  return true;
}

// "40 threads wait in __syncthreads at matmul.cu:31, 24 in __syncthreads at matmul.cu:38"
std::string BlockRunner::waiting_threads() const {
  std::map<std::tuple<std::string, int, std::string, unsigned>, int> groups;
  for (const auto& fiber : pool_.all()) {
    if (!fiber->busy || fiber->operation == nullptr) continue;
    ++groups[{base_name(fiber->site.file), fiber->site.line, fiber->operation, fiber->mask}];
  }
  std::string text;
  for (const auto& [group, count] : groups) {
    const auto& [file, line, operation, mask] = group;
    text += fmt::format(
        "{}{} {} in {} at {}:{}", text.empty() ? "" : ", ", count,
        text.empty() ? (count == 1 ? "thread waits" : "threads wait") : (count == 1 ? "waits" : "wait"),
        operation, file, line);
    if (mask != 0) text += fmt::format(" (mask {:#010x})", mask);
  }
  return text;
}

std::string BlockRunner::block_name() const {
  const uint3 b = context.block;
  return fmt::format("kernel {}, block ({},{},{})", grid_->name, b.x, b.y, b.z);
}

std::string BlockRunner::where() const {
  const uint3 t = context.thread;
  return fmt::format("{}, thread ({},{},{})", block_name(), t.x, t.y, t.z);
}

}  // namespace simt::detail
