// The latest atomic operations, as far as they are needed to say in words which fence is missing.
#pragma once

#include <cstdint>
#include <vector>

#include "inspector/clock.h"
#include "inspector/missing.h"

namespace simt::inspector {

struct Now;

/// A table of limited size: where two addresses have one row, the newer takes it.
class Signals {
 public:
  void begin_launch() { ++launch_; }
  void begin_block() {
    reads_.clear();
    next_read_ = 0;
  }
  /// An atomic store or update, the last fences of its thread (0: none), and what it publishes.
  struct Given {
    std::uint32_t pc, fence, fence_in;
    ClockRef device, block;
  };
  void given(std::uintptr_t address, const Given& what, const Now& now);
  enum class By { kPlainLoad, kLoad, kUpdate };
  void read(std::uintptr_t address, std::uint32_t pc, By by, const Now& now);
  /// `address` is that of the two accesses.
  Missing missing(std::uintptr_t address, const Entry& earlier, const Now& now) const;

 private:
  struct Signal {
    std::uint32_t run, thread, clock, below, stamp, number;
    bool is_for_block;
    Given what;
  };
  struct Row {
    std::uint32_t launch = 0;
    std::uint32_t count = 0;  // of all signals
    std::uintptr_t address = 0;
    std::vector<Signal> signals;  // the first and the last
  };
  struct Read {
    std::uintptr_t address;
    std::uint32_t pc, thread, clock;
    By by;
    bool is_for_block;
  };
  static constexpr std::size_t kRows = 4096, kFirst = 12, kLast = 4, kReads = 64;
  static bool is_after(const Signal& signal, const Entry& earlier);
  static Missing missing(const Signal& signal, const Read& read, const Entry& earlier, const Now& now);
  static std::size_t row_of(std::uintptr_t address) { return address / 4 % kRows; }

  std::uint32_t launch_ = 0;
  std::vector<Row> rows_ = std::vector<Row>(kRows);
  std::vector<Read> reads_;  // of this block
  std::size_t next_read_ = 0;
};

}  // namespace simt::inspector
