// Accesses to memory outside of the running launch: copies, fills, the host, and launches in other streams;
// and which of these are not ordered with the launch.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "inspector/entry.h"
#include "inspector/own_memory.h"
#include "runtime/inspector.h"

namespace simt::inspector {

/// A copy or a fill whose order with later work may still matter.
struct Transfer {
  detail::PointRef point;
  std::vector<detail::Touched> touched;
  std::uint32_t run = 0;  // stands for it in findings
  std::uint32_t pc = 0;
};
using TransferRef = std::shared_ptr<const Transfer>;

class Streams {
 public:
  static Streams& get();

  /// A copy or fill was submitted: remembers it, and compares it with those before.
  TransferRef add(const char* name, std::uint32_t pc, const detail::PointRef& point,
                  const std::vector<detail::Touched>& touched);
  /// Compares it with the accesses of kernels to its bytes. Call it while no block runs.
  void compare_with_kernels(const Transfer& transfer);

  /// A launch takes its first block.
  void begun(const detail::Point& launch);
  /// Changes whenever the results of `orders_all_before` and `unordered_with` may change.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  /// Whether everything that was begun so far comes before `launch`.
  bool orders_all_before(const detail::Point& launch);
  /// The transfers that come neither before nor after `launch`.
  std::vector<TransferRef> unordered_with(const detail::Point& launch);

  /// An access of the host to managed memory, or to memory that a transfer uses. While no block runs.
  void host_access(std::uintptr_t address, std::size_t bytes, Kind kind, std::uint32_t pc);
  /// Whether the host should be watched at that address.
  bool concerns_host(std::uintptr_t address) const {
    return address - first_host_byte_.load(std::memory_order_relaxed) <
           host_bytes_.load(std::memory_order_relaxed);
  }

 private:
  void forget_old(const detail::Point& now);

  std::mutex mutex_;
  OwnVector<TransferRef> transfers_;
  std::uint32_t host_run_ = 0;  // stands for the host since it last submitted something
  detail::PointRef host_run_point_;
  std::uint32_t era_ = 0;  // of what follows
  std::vector<std::uint32_t>
      begun_counts_;  // by agent: the last operation that was begun; of the host, its last step
  std::atomic<std::uint64_t> version_ = 1;
  std::atomic<std::uintptr_t> first_host_byte_ = 0;  // of all transfers that are remembered
  std::atomic<std::size_t> host_bytes_ = 0;
};

inline bool is_atomic(Kind kind) {
  return kind == kAtomic || kind == kBlockAtomic;
}

/// Whether two accesses of one byte may not happen at the same time.
inline bool conflict(Kind a, Kind b) {
  return a == kWrite || b == kWrite || a != b;
}
inline bool conflict(const Entry& a, const Entry& b) {
  if (is_atomic(a.kind()) && is_atomic(b.kind()))
    return a.run != b.run && (a.kind() == kBlockAtomic || b.kind() == kBlockAtomic);
  return conflict(a.kind(), b.kind());
}

}  // namespace simt::inspector
