// What benchmarks share: inputs in float or bf16, and some rows of a large matrix to check.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/core/device_buffer.h"
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

}  // namespace wb
