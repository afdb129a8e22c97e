// Arrays larger than this machine's memory, and which blocks run in which order: for tests. CUDA has no such
// calls.
#pragma once

#include <cstddef>
#include <cstdint>

namespace simt {

/// Device memory of `bytes`, to be freed by cudaFree. Its first and its last `window` bytes have pages of
/// their own, and one window is mapped repeatedly between them. Each byte is `fill`. Null if the system does
/// not grant the addresses.
void* allocate_far(std::size_t bytes, std::size_t window, int fill);

/// The same with all bytes 0; pages get memory of their own when they are written.
void* allocate_far_zeros(std::size_t bytes);

/// From now on a launch runs only its first `first` and its last `last` blocks; with last = 0 all of them
/// again.
void run_only_ends(std::uint64_t first, std::uint64_t last);

/// From now on the last block of a launch runs first; with false, the order is that of SIMT_ORDER again.
void run_last_block_first(bool first);

/// From now on the device reports this number of multiprocessors; 0: the number of workers.
void pretend_multiprocessors(int count);

}  // namespace simt
