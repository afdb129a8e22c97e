// What benchmarks share: inputs in float or bf16, and some rows of a large matrix to check.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/core/device_buffer.h"
#include "common/core/parallel_ranges.h"
#include "common/harness/bf16.h"

namespace wb {

/// The numbers on the device, rounded to T: float or bf16.
template <class T>
DeviceBuffer<T> to_device(std::span<const float> values) {
  return DeviceBuffer<T>(from_float<T>(values));
}

/// `samples` of n rows: the first, the last, and rows at equal distances between them. To check all rows of a
/// large matrix would take longer than the measurement.
inline std::vector<int> sampled_rows(int n, int samples = 16) {
  std::vector<int> rows;
  for (int i = 0; i < samples; ++i) {
    const int row = static_cast<int>(static_cast<std::int64_t>(n - 1) * i / (samples - 1));
    if (rows.empty() || rows.back() != row) rows.push_back(row);
  }
  return rows;
}

/// The rows `rows` of an (n, width) matrix on the device, one after the other: (rows.size(), width).
template <class T>
std::vector<float> download_rows(const DeviceBuffer<T>& matrix, const std::vector<int>& rows, int width) {
  const auto size = static_cast<std::size_t>(width);
  std::vector<T> values(rows.size() * size);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const T* row = matrix.data() + static_cast<std::size_t>(rows[i]) * size;
    WB_CUDA_CHECK(cudaMemcpy(values.data() + i * size, row, size * sizeof(T), cudaMemcpyDeviceToHost));
  }
  return to_float(values);
}

/// For sums over all rows of two (n, width) matrices on the device, such as the gradient of a parameter:
/// calls add(row, begin, end, a, b) for every row in order and for ranges of columns in parallel, where a and
/// b point to that row of each matrix. The host holds only some rows at a time.
template <class T, class Add>
void add_rows(const DeviceBuffer<T>& a, const DeviceBuffer<T>& b, int n, int width, Add add) {
  constexpr std::size_t kElements = std::size_t{1} << 23;  // of each matrix at a time
  const auto rows = static_cast<std::size_t>(n), columns = static_cast<std::size_t>(width);
  const std::size_t some = std::clamp<std::size_t>(kElements / columns, 1, rows);
  std::vector<T> of_a(some * columns), of_b(some * columns);
  for (std::size_t first = 0; first < rows; first += some) {
    const std::size_t count = std::min(some, rows - first), bytes = count * columns * sizeof(T);
    WB_CUDA_CHECK(cudaMemcpy(of_a.data(), a.data() + first * columns, bytes, cudaMemcpyDeviceToHost));
    WB_CUDA_CHECK(cudaMemcpy(of_b.data(), b.data() + first * columns, bytes, cudaMemcpyDeviceToHost));
    parallel_ranges(columns, 64, [&](std::size_t begin, std::size_t end) {
      for (std::size_t row = 0; row < count; ++row) {
        add(first + row, begin, end, of_a.data() + row * columns, of_b.data() + row * columns);
      }
    });
  }
}

}  // namespace wb
