// Oracles of large outputs. Their rows are independent, so all cores share the work.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace wb {

/// Calls f(row) for each of `rows`, in parallel if the total work is large. `steps`: additions per row,
/// about. f must not throw, and rows must not write to the same memory.
template <class Function>
void for_each_row(std::size_t rows, std::size_t steps, Function f) {
  constexpr std::size_t kStepsPerThread = std::size_t{1} << 24;  // some milliseconds
  const std::size_t most =
      std::min<std::size_t>(std::thread::hardware_concurrency(), rows * steps / kStepsPerThread);
  if (most < 2) {
    for (std::size_t row = 0; row < rows; ++row) f(row);
    return;
  }
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t row = next++; row < rows; row = next++) f(row);
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < most; ++i) threads.emplace_back(work);
  work();
}

}  // namespace wb
