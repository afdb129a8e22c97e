// Finds the place at which a kernel that takes long is now: it interrupts a worker for a moment.
#pragma once

#include <pthread.h>

#include <string>
#include <vector>

namespace simt::detail {

/// "block (0,0,0), thread (3,0,0) is at FILE:LINE" of a kernel that one of `workers` runs. Without a line if
/// the compiler has stored none; empty if nothing can be found.
std::string where_kernels_are(const std::vector<pthread_t>& workers);

}  // namespace simt::detail
