// Arrays larger than this machine's memory, for tests of index arithmetic. CUDA has no such calls.
#pragma once

#include <cstddef>
#include <cstdint>

namespace simt {

/// Device memory of `bytes` for cudaFree: its first and its last `window` bytes have pages of their own, and
/// all in between shows one window again and again. Each byte is `fill`. Null where the system grants no
/// addresses.
void* allocate_far(std::size_t bytes, std::size_t window, int fill);

/// The same with bytes 0, which take memory of their own once they are written.
void* allocate_far_zeros(std::size_t bytes);

/// From now on a launch runs only its first `first` and its last `last` blocks; with last = 0 all of them
/// again.
void run_only_ends(std::uint64_t first, std::uint64_t last);

/// From now on the device says that it has so many multiprocessors; 0: as many as there are workers.
void pretend_multiprocessors(int count);

}  // namespace simt
