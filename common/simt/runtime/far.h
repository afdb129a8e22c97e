// What simt/far.h asks of launches.
#pragma once

#include <atomic>
#include <cstdint>

namespace simt::detail {

/// Blocks to run at either end of a grid; 0: all.
extern std::atomic<std::uint64_t> only_ends;

/// What the device says that it has; 0: as many as there are workers.
extern std::atomic<int> pretended_multiprocessors;

}  // namespace simt::detail
