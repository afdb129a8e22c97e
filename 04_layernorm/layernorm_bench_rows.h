// What the benchmarks of this chapter share: inputs, and a check that looks at some rows of a large matrix.
#pragma once

#include <cstdint>
#include <vector>

#include "common/core/device_buffer.h"
#include "common/core/rng.h"

namespace wb {

/// n rows of c columns, uniform around 0.5.
inline std::vector<float> layernorm_bench_input(int n, int c, std::uint64_t seed) {
  return random_uniform(static_cast<std::size_t>(n) * static_cast<std::size_t>(c), seed, -1.0f, 2.0f);
}

/// The first, the last, and some rows between: all of a large matrix would take longer to check than to
/// measure.
inline std::vector<int> sampled_rows(int n) {
  constexpr int kSamples = 16;
  std::vector<int> rows;
  for (int i = 0; i < kSamples; ++i) {
    const int row = static_cast<int>(static_cast<std::int64_t>(n - 1) * i / (kSamples - 1));
    if (rows.empty() || rows.back() != row) rows.push_back(row);
  }
  return rows;
}

/// Those rows of a (n, width) matrix, one after the other.
inline std::vector<float> download_rows(const DeviceBuffer<float>& matrix, const std::vector<int>& rows,
                                        int width) {
  const auto size = static_cast<std::size_t>(width);
  std::vector<float> values(rows.size() * size);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    WB_CUDA_CHECK(cudaMemcpy(values.data() + i * size,
                             matrix.data() + static_cast<std::size_t>(rows[i]) * size, size * sizeof(float),
                             cudaMemcpyDeviceToHost));
  }
  return values;
}

}  // namespace wb
