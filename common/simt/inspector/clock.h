// Vector clocks: which accesses of a launch's threads come before what a thread does now.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "inspector/entry.h"

namespace simt::inspector {

/// What is known of one thread or one warp of a block since a barrier.
struct Step {
  static constexpr std::uint32_t kWarp = 1024;
  std::uint32_t who;    // a thread, or kWarp + a warp
  std::uint32_t clock;  // the block's clock then; of a thread, its accesses up to this clock are known
  std::uint32_t stamp;  // accesses before this Entry::stamp() are known
};
using Steps = std::vector<Step>;  // sorted by `who`

/// What is known of one block.
struct Known {
  std::uint32_t run;
  std::uint32_t below;                 // every access before this clock: a barrier
  std::shared_ptr<const Steps> steps;  // and these; may be null

  bool covers(const Entry& earlier) const;
};

class Clock;
using ClockRef = std::shared_ptr<const Clock>;  // null: nothing is known

class Clock {
 public:
  explicit Clock(std::vector<Known> blocks) : blocks_(std::move(blocks)) {}

  bool covers(const Entry& earlier) const;

 private:
  friend ClockRef join(const ClockRef& a, const ClockRef& b);
  bool includes(const Clock& other) const;
  std::vector<Known> blocks_;  // sorted by run
};

/// What is known in one or the other. The result is `a` or `b` itself if that is enough.
ClockRef join(const ClockRef& a, const ClockRef& b);

}  // namespace simt::inspector
