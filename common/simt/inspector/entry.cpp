#include "inspector/entry.h"

#include <algorithm>
#include <cstring>

namespace simt::inspector {

void WarpClock::synchronize(std::uint32_t arrived, std::uint32_t live, std::uint32_t mask) {
  constexpr std::uint16_t kMost = 1000;  // of the ten bits that an entry has for it
  bool full = arrived == live;
  if (!full && !partial) {
    std::memset(seen, 0, sizeof(seen));
    for (int lane = 0; lane < 32; ++lane) seen[lane][lane] = 1;
    partial = true;
  }
  if (!full) {
    std::uint16_t joined[32] = {};
    for (std::uint32_t rest = arrived; rest != 0; rest &= rest - 1) {
      const std::uint16_t* row = seen[__builtin_ctz(rest)];
      for (int lane = 0; lane < 32; ++lane) joined[lane] = std::max(joined[lane], row[lane]);
    }
    for (std::uint32_t rest = arrived; rest != 0; rest &= rest - 1) {
      const int lane = __builtin_ctz(rest);
      std::memcpy(seen[lane], joined, sizeof(joined));
      // No numbers are left: treat all lanes as synchronized, so that nothing is reported that is not a race.
      full = full || ++seen[lane][lane] > kMost;
    }
  }
  if (full) {
    for (std::uint32_t rest = ~(live | mask | absent); rest != 0; rest &= rest - 1) {
      const int lane = __builtin_ctz(rest);
      absent_epoch[lane] = epoch;
      absent_clock[lane] = static_cast<std::uint16_t>(own(static_cast<std::uint32_t>(lane)));
    }
    absent |= ~(live | mask);
    wrapped = ++epoch == 0 || wrapped;
    partial = false;
  }
}

}  // namespace simt::inspector
