// Where a kernel is that takes long: a worker is interrupted for a moment, and says.
#pragma once

#include <pthread.h>

#include <string>
#include <vector>

namespace simt::detail {

/// "block (0,0,0), thread (3,0,0) is at FILE:LINE" of a kernel that one of `workers` runs: without a line
/// where the compiler has left none, and empty where nothing can be found out.
std::string where_kernels_are(const std::vector<pthread_t>& workers);

}  // namespace simt::detail
