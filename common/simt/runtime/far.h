// Settings of simt/far.h that launches use.
#pragma once

#include <atomic>
#include <cstdint>

namespace simt::detail {

/// Numbers of blocks to run at the two ends of a grid. If only_last is 0, all run.
extern std::atomic<std::uint64_t> only_first, only_last;

/// The number of multiprocessors that the device reports; 0: the number of workers.
extern std::atomic<int> pretended_multiprocessors;

}  // namespace simt::detail
