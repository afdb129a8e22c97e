// What simt/far.h asks of launches.
#pragma once

#include <atomic>
#include <cstdint>

namespace simt::detail {

/// Blocks to run at either end of a grid. All, where only_last is 0.
extern std::atomic<std::uint64_t> only_first, only_last;

/// What the device says that it has; 0: as many as there are workers.
extern std::atomic<int> pretended_multiprocessors;

}  // namespace simt::detail
