// Work of the host on large arrays, shared by all processors.
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace wb {

/// Calls work(begin, end) for ranges that together are [0, size): the first in this thread, each other one in
/// a thread of its own. Waits for all of them. Several ranges have at least `least` elements each, so that a
/// small array starts no threads. An exception of `work` is thrown again here.
template <class Work>
void parallel_ranges(std::size_t size, std::size_t least, Work work) {
  const std::size_t processors = std::max(1u, std::thread::hardware_concurrency());
  const std::size_t ranges = std::clamp<std::size_t>(size / std::max<std::size_t>(least, 1), 1, processors);
  std::vector<std::exception_ptr> errors(ranges);
  const auto run = [&](std::size_t range) {
    try {
      work(size * range / ranges, size * (range + 1) / ranges);
    } catch (...) {
      errors[range] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t range = 1; range < ranges; ++range) threads.emplace_back(run, range);
    run(0);
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace wb
