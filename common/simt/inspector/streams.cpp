#include "inspector/streams.h"

#include <algorithm>

#include "inspector/device_memory.h"
#include "inspector/findings.h"
#include "runtime/scheduler.h"

namespace simt::inspector {
namespace {

using detail::Point;
using detail::PointRef;
using detail::Touched;

std::uintptr_t start_of(const Touched& touched) {
  return reinterpret_cast<std::uintptr_t>(touched.start);
}

// The first byte that both use; where there is none, `found` is false.
struct Overlap {
  bool found = false;
  std::uintptr_t address = 0;
};
Overlap overlap(const Touched& a, std::uintptr_t start, std::size_t bytes) {
  const std::uintptr_t first = std::max(start_of(a), start);
  return {first < std::min(start_of(a) + a.bytes, start + bytes), first};
}

Kind kind_of(const Touched& touched) {
  return touched.is_write ? kWrite : kRead;
}

Access access_of(const Transfer& transfer, const Touched& touched) {
  return {{transfer.pc, nullptr, 0}, kind_of(touched), transfer.run, 0};
}

std::string describe(std::uintptr_t address) {
  return device_memory.holds(address) ? device_memory.describe(address) : "memory of the host";
}

void report_streams(const Access& later, const Access& earlier, std::uintptr_t address) {
  if (!repeated(What::kStreamRace, later, &earlier))
    report(What::kStreamRace, later, &earlier, describe(address));
}

// Calls visit(entry) for what kernels and the host have done to four bytes.
template <class Visit>
void for_each_entry(std::uintptr_t address, Visit visit) {
  for (const Entry& entry : device_memory.cell(address).entry) {
    if (entry.run != 0) visit(entry);
  }
}

}  // namespace

Streams& Streams::get() {
  static Streams& forever = *new Streams;
  return forever;
}

// No work of an earlier era can still run. Within an era, the last transfers are enough.
void Streams::forget_old(const Point& now) {
  constexpr std::size_t kMost = 1000;
  if (transfers_.size() > kMost) transfers_.erase(transfers_.begin(), transfers_.begin() + kMost / 2);
  if (now.era == era_) return;
  era_ = now.era;
  begun_counts_.clear();
  std::erase_if(transfers_, [&](const TransferRef& t) { return t->point->era < now.era; });
}

TransferRef Streams::add(const char* name, std::uint32_t pc, const PointRef& point,
                         const std::vector<Touched>& touched) {
  const auto added =
      std::make_shared<const Transfer>(Transfer{point, touched, add_outsider(name, point), pc});
  const std::lock_guard lock(mutex_);
  forget_old(*point);
  for (const TransferRef& earlier : transfers_) {
    if (earlier->point->comes_before(*point)) continue;
    for (const Touched& first : earlier->touched) {
      for (const Touched& second : touched) {
        const Overlap shared = overlap(first, start_of(second), second.bytes);
        if (shared.found && conflict(kind_of(first), kind_of(second)))
          report_streams(access_of(*added, second), access_of(*earlier, first), shared.address);
      }
    }
  }
  transfers_.push_back(added);
  std::uintptr_t low = UINTPTR_MAX, high = 0;
  for (const TransferRef& transfer : transfers_) {
    for (const Touched& t : transfer->touched) {
      if (device_memory.holds(start_of(t))) continue;
      low = std::min(low, start_of(t));
      high = std::max(high, start_of(t) + t.bytes);
    }
  }
  host_bytes_ = 0;
  first_host_byte_ = low;
  host_bytes_ = high > low ? high - low : 0;
  ++version_;
  return added;
}

void Streams::compare_with_kernels(const Transfer& transfer) {
  if (orders_all_before(*transfer.point)) return;
  for (const Touched& touched : transfer.touched) {
    const std::uintptr_t start = start_of(touched);
    if (!device_memory.holds(start)) continue;
    for (std::uintptr_t at = start & ~std::uintptr_t{3}; at < start + touched.bytes; at += 4) {
      for_each_entry(at, [&](const Entry& entry) {
        if (!conflict(entry.kind(), kind_of(touched)) || comes_before(entry.run, *transfer.point)) return;
        report_streams(access_of(transfer, touched),
                       {{entry.pc, nullptr, 0}, entry.kind(), entry.run, entry.thread()}, at);
      });
    }
  }
}

void Streams::begun(const Point& launch) {
  const std::lock_guard lock(mutex_);
  forget_old(launch);
  if (launch.era != era_) return;
  if (begun_counts_.size() <= launch.agent) begun_counts_.resize(launch.agent + 1);
  begun_counts_[launch.agent] = std::max(begun_counts_[launch.agent], launch.count);
  ++version_;
}

bool Streams::orders_all_before(const Point& launch) {
  const std::lock_guard lock(mutex_);
  if (launch.era != era_) return launch.era > era_;
  for (std::size_t agent = 0; agent < begun_counts_.size(); ++agent) {
    const std::uint32_t seen = agent < launch.seen.size() ? launch.seen[agent] : 0;
    if (begun_counts_[agent] > seen) return false;
  }
  return true;
}

std::vector<TransferRef> Streams::unordered_with(const Point& launch) {
  const std::lock_guard lock(mutex_);
  std::vector<TransferRef> result;
  for (const TransferRef& transfer : transfers_) {
    const Point& other = *transfer->point;
    if (!other.comes_before(launch) && !launch.comes_before(other)) result.push_back(transfer);
  }
  return result;
}

// The host's step is remembered in managed memory, since a launch that was submitted before may run after. A
// function of cudaLaunchHostFunc is a step of its stream.
void Streams::host_access(std::uintptr_t address, std::size_t bytes, Kind kind, std::uint32_t pc) {
  const PointRef function = detail::function_point();
  const PointRef now = function != nullptr ? function : detail::Scheduler::get().host_point();
  std::uint32_t run = 0;
  {
    const std::lock_guard lock(mutex_);
    forget_old(*now);
    const bool same = host_run_ != 0 && host_run_point_->era == now->era &&
                      host_run_point_->agent == now->agent && host_run_point_->count == now->count;
    run = same ? host_run_ : add_outsider(function != nullptr ? "a host function" : "the host", now);
    host_run_ = run;
    host_run_point_ = now;
    if (begun_counts_.size() <= now->agent) begun_counts_.resize(now->agent + 1);
    if (now->era == era_) begun_counts_[now->agent] = std::max(begun_counts_[now->agent], now->count);
    ++version_;
  }
  const Access access{{pc, nullptr, 0}, kind, run, 0};
  for (const TransferRef& transfer : unordered_with(*now)) {
    for (const Touched& touched : transfer->touched) {
      const Overlap shared = overlap(touched, address, bytes);
      if (shared.found && conflict(kind_of(touched), kind))
        report_streams(access, access_of(*transfer, touched), shared.address);
    }
  }
  if (!device_memory.holds(address)) return;
  for (std::uintptr_t at = address & ~std::uintptr_t{3}; at < address + bytes; at += 4) {
    for_each_entry(at, [&](const Entry& entry) {
      if (conflict(entry.kind(), kind) && !comes_before(entry.run, *now))
        report_streams(access, {{entry.pc, nullptr, 0}, entry.kind(), entry.run, entry.thread()}, at);
    });
    device_memory.cell(at).entry[kind == kWrite ? 0 : 1] = {run, pc, 0,
                                                            static_cast<std::uint32_t>(kind) << 4 | 0xf};
  }
}

}  // namespace simt::inspector
