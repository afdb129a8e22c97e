// Arrays larger than this machine's memory, for tests of index arithmetic. CUDA has no such calls.
#pragma once

#include <cstddef>
#include <cstdint>

namespace simt {

/// Device memory of `bytes` for cudaFree: its first and its last `window` bytes have pages of their own, and
/// all in between shows one window of bytes 0x3e again and again. Null where the system grants no addresses.
void* allocate_far(std::size_t bytes, std::size_t window);

/// From now on a launch runs only its first and its last `blocks` blocks; 0: all of them again.
void run_only_ends(std::uint64_t blocks);

}  // namespace simt
