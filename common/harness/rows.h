// Oracles of large outputs: the rows of one share nothing, so all cores may take some.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace wb {

/// Calls f(row) for each of `rows`, in parallel where all of them together are long: about `steps` additions
/// each. f must not throw, and a row must not touch what another does.
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
