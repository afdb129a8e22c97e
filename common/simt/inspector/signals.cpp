#include "inspector/signals.h"

#include "inspector/order.h"

namespace simt::inspector {

void Signals::given(std::uintptr_t address, const Given& what, const Now& now) {
  Row& row = rows_[row_of(address)];
  if (row.launch != launch_ || row.address != address) {
    row.launch = launch_;
    row.address = address;
    row.count = 0;
    row.signals.clear();
  }
  const std::uint32_t stamp = std::uint32_t{now.warp->epoch} << 10;
  Signal signal{now.run, now.thread, now.clock, now.below, stamp, row.count, now.is_for_block, what};
  const std::size_t at = row.count < kFirst ? row.count : kFirst + (row.count - kFirst) % kLast;
  ++row.count;
  if (at == row.signals.size()) {
    row.signals.push_back(std::move(signal));
  } else {
    row.signals[at] = std::move(signal);
  }
}

void Signals::read(std::uintptr_t address, std::uint32_t pc, By by, const Now& now) {
  const Read read{address, pc, now.thread, now.clock, by, now.is_for_block};
  if (reads_.size() < kReads) {
    reads_.push_back(read);
    next_read_ = reads_.size() % kReads;
  } else {
    reads_[next_read_] = read;
    next_read_ = (next_read_ + 1) % kReads;
  }
}

Missing Signals::missing(std::uintptr_t address, const Entry& earlier, const Now& now) const {
  for (std::size_t i = 0; i < reads_.size(); ++i) {
    const Read& read = reads_[(next_read_ + kReads - 1 - i) % kReads];
    if (read.address == address || (read.thread != now.thread && read.clock >= now.below)) continue;
    const Row& row = rows_[row_of(read.address)];
    if (row.launch != launch_ || row.address != read.address) continue;
    const Signal* last = nullptr;
    for (const Signal& signal : row.signals) {
      if (signal.run == earlier.run && is_after(signal, earlier) &&
          (last == nullptr || last->number < signal.number))
        last = &signal;
    }
    if (last != nullptr) return missing(*last, read, earlier, now);
  }
  return {};
}

bool Signals::is_after(const Signal& signal, const Entry& earlier) {
  return (signal.thread == earlier.thread() && earlier.epoch() <= signal.clock) ||
         earlier.epoch() < signal.below ||
         (signal.thread / 32 == earlier.warp() && earlier.stamp() < signal.stamp);
}

Missing Signals::missing(const Signal& signal, const Read& read, const Entry& earlier, const Now& now) {
  const Given& what = signal.what;
  const bool in_block = signal.run == now.run;
  const ClockRef& published = in_block ? what.block : what.device;
  Missing missing{Missing::kUnknown, what.pc, read.pc, read.by == By::kUpdate};
  if (read.by == By::kPlainLoad) {
    missing.why = Missing::kAtomicWait;
  } else if (published != nullptr && published->covers(earlier)) {
    missing.why = !in_block && read.is_for_block ? Missing::kDeviceWait : Missing::kFenceAfterWait;
  } else if (!in_block && signal.is_for_block) {
    missing.why = Missing::kDeviceSignal;
  } else if (what.fence == 0 && (!in_block || what.fence_in == 0)) {
    missing.why = what.fence_in == 0 ? Missing::kFence : Missing::kDeviceFence;
  } else {
    missing.why = signal.thread == earlier.thread() ? Missing::kLaterFence : Missing::kFenceAfterBarrier;
  }
  return missing;
}

}  // namespace simt::inspector
