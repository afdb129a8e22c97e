// What the benchmarks of this chapter share: inputs in float or bf16, and a check that looks at some rows of
// a large matrix.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "common/core/device_buffer.h"
#include "common/core/rng.h"
#include "common/harness/bf16.h"

namespace wb {

/// Uniform in [-1, 1), in T.
template <class T>
DeviceBuffer<T> bench_input(std::size_t size, std::uint64_t seed) {
  const std::vector<float> values = random_uniform(size, seed);
  if constexpr (std::is_same_v<T, float>) {
    return DeviceBuffer<float>(values);
  } else {
    return DeviceBuffer<T>(to_bf16(values));
  }
}

/// The first, the last, and some rows between: all of a large matrix would take longer to check than to
/// measure.
inline std::vector<int> sampled_rows(int n, int samples = 16) {
  std::vector<int> rows;
  for (int i = 0; i < samples; ++i) {
    const int row = static_cast<int>(static_cast<std::int64_t>(n - 1) * i / (samples - 1));
    if (rows.empty() || rows.back() != row) rows.push_back(row);
  }
  return rows;
}

/// Those rows of a (n, width) matrix, one after the other.
template <class T>
std::vector<float> download_rows(const DeviceBuffer<T>& matrix, const std::vector<int>& rows, int width) {
  const auto size = static_cast<std::size_t>(width);
  std::vector<T> values(rows.size() * size);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    WB_CUDA_CHECK(cudaMemcpy(values.data() + i * size,
                             matrix.data() + static_cast<std::size_t>(rows[i]) * size, size * sizeof(T),
                             cudaMemcpyDeviceToHost));
  }
  if constexpr (std::is_same_v<T, float>) {
    return values;
  } else {
    return to_float(std::span<const T>(values));
  }
}

}  // namespace wb
