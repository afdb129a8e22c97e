// SIMT_ORDER: the order in which blocks, and the threads of a block, run. A race that is hidden by one order
// is visible in another.
//
//   forward (the default)   0, 1, 2, ...
//   reverse                 the last first
//   seed:N                  shuffled, another way for every N; also the order in which waiting threads go on
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace simt::detail {

struct OrderSetting {
  enum class Kind { kForward, kReverse, kSeeded } kind = Kind::kForward;
  std::uint64_t seed = 0;
};

/// The setting of this process. If SIMT_ORDER is not valid, prints a message once and runs forward.
const OrderSetting& order_setting();

/// Whether the last block runs first, whatever the setting is (simt/far.h).
extern std::atomic<bool> last_block_first;

/// Random numbers that are good enough to shuffle with.
class OrderRandom {
 public:
  explicit OrderRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

 private:
  std::uint64_t state_;
};

/// Orders for the blocks that one worker runs.
class ThreadOrder {
 public:
  /// The order of `count` threads in block `block`; null for 0, 1, 2, ...
  const unsigned* threads(unsigned count, std::uint64_t block);
  bool seeded() const { return order_setting().kind == OrderSetting::Kind::kSeeded; }
  OrderRandom& random() { return random_; }

 private:
  std::vector<unsigned> order_;
  OrderRandom random_{0};
};

/// The block that runs as number `turn` of `count`: a permutation of 0..count-1.
class BlockOrder {
 public:
  explicit BlockOrder(std::uint64_t count);
  /// Of `count` blocks the first `first` and the last `last` alone.
  static BlockOrder of_ends(std::uint64_t count, std::uint64_t first, std::uint64_t last);
  std::uint64_t operator()(std::uint64_t turn) const;

 private:
  std::uint64_t count_, factor_ = 1, offset_ = 0;
  std::uint64_t gap_at_ = 0, gap_ = 0;  // blocks left out, and where
};

}  // namespace simt::detail
