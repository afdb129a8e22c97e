// How much memory this process may use: that of the machine, or the limit of its container.
#pragma once

#include <cstddef>

namespace simt::detail {

/// All of it; the CPU device's total memory.
std::size_t host_memory_total();
/// How many bytes could be allocated now without swapping.
std::size_t host_memory_available();

}  // namespace simt::detail
