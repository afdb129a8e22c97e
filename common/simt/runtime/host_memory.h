// How much memory this process may have: the machine's, or what its container leaves it.
#pragma once

#include <cstddef>

namespace simt::detail {

/// All of it; the CPU device's total memory.
std::size_t host_memory_total();
/// What could be allocated now without pushing anything out.
std::size_t host_memory_available();

}  // namespace simt::detail
