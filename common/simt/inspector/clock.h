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

/// A few blocks, in addition to another clock: in a chain of blocks, each of which hands on what it knows,
/// every clock shares that of the block before.
class Clock {
 public:
  Clock(ClockRef base, std::vector<Known> blocks);

  bool covers(const Entry& earlier) const;

 private:
  friend ClockRef join(const ClockRef& a, const ClockRef& b);
  bool includes(const Clock& other) const;
  bool includes(const Known& known) const;
  bool stands_on(const Clock& other) const;
  std::vector<Known> all() const;

  ClockRef base_;
  std::vector<Known> blocks_;  // sorted by run
  std::uint32_t depth_ = 0;
  std::size_t size_;  // of all blocks, some of which may count twice
};

/// What is known in one or the other. The result is `a` or `b` itself if that is enough.
ClockRef join(const ClockRef& a, const ClockRef& b);

}  // namespace simt::inspector
