// One access as the shadow of a memory cell stores it, and the test whether another access comes after it.
#pragma once

#include <cstdint>

#include "instrumented/hooks.h"

namespace simt::inspector {

using namespace instrumented;  // Kind

/// 16 bytes. All zero: no access.
struct Entry {
  std::uint32_t run = 0;  // the block that ran, by its number among all blocks of this process
  std::uint32_t pc = 0;   // where in the program, from its load address
  std::uint32_t who = 0;  // 10 bits: thread in its block; 22 bits: the clock of the block
  std::uint32_t how =
      0;  // 4 bits: which bytes; 2: Kind; 10: clock of the lane; 16: synchronizations of the warp

  std::uint32_t thread() const { return who & 0x3ff; }
  std::uint32_t warp() const { return who >> 5 & 0x1f; }
  std::uint32_t epoch() const { return who >> 10; }
  std::uint32_t bytes() const { return how & 0xf; }
  Kind kind() const { return static_cast<Kind>(how >> 4 & 3); }
  std::uint32_t clock() const { return how >> 6 & 0x3ff; }
  std::uint32_t warp_epoch() const { return how >> 16; }
  /// Grows with the synchronizations of the thread's warp.
  std::uint32_t stamp() const { return how >> 6; }
};

/// Four bytes of memory: their last plain write, and two other accesses.
struct Cell {
  Entry entry[3];
};

/// What __syncwarp has ordered among the lanes of one warp. Usually all lanes meet, which only increments
/// `epoch`. After some of them have met without the others, each lane has a vector clock: seen[a][b] is the
/// clock of lane b up to which lane a has seen its accesses.
struct WarpClock {
  std::uint16_t epoch = 0;
  bool wrapped = false;  // no longer grows: `epoch` was larger before
  bool partial = false;
  std::uint32_t absent = 0;  // lanes that had returned when the others met without naming them in their mask,
  std::uint16_t absent_epoch[32], absent_clock[32];  // and the last that they had done by then
  std::uint16_t seen[32][32];

  void begin() {
    epoch = 0;
    wrapped = partial = false;
    absent = 0;
  }

  std::uint32_t own(std::uint32_t lane) const { return partial ? seen[lane][lane] : 1; }
  void synchronize(std::uint32_t arrived, std::uint32_t live, std::uint32_t mask);
  bool has_seen(std::uint32_t lane, const Entry& earlier) const {
    const std::uint32_t other = earlier.thread() & 31;
    if ((absent >> other & 1) != 0 && earlier.warp_epoch() == absent_epoch[other] &&
        earlier.clock() == absent_clock[other])
      return false;
    if (earlier.warp_epoch() != epoch) return true;
    return partial && seen[lane][other] >= earlier.clock();
  }
};

}  // namespace simt::inspector
