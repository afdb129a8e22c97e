// What the benchmarks of RMSNorm share: sizes, and rows as the oracle wants them.
#pragma once

#include <string>
#include <vector>

#include "common/core/device_info.h"
#include "common/harness/bench_data.h"
#include "common/harness/matcher.h"

namespace wb {

struct RmsnormBenchSize {
  int n, c;
  std::size_t area() const { return static_cast<std::size_t>(n) * static_cast<std::size_t>(c); }
  std::string name() const { return std::to_string(n) + " x " + std::to_string(c); }
};

// 12288 x 768 are the activations of a small GPT: B 12, T 1024, C 768.
inline std::vector<RmsnormBenchSize> rmsnorm_bench_sizes() {
  if (device_is_cpu()) return {{1024, 768}, {512, 1024}, {64, 8192}, {16, 32768}};
  return {{12288, 768}, {8192, 1024}, {16384, 8192}, {8192, 32768}};
}

/// Those rows of a (n, width) matrix, as an oracle wants them.
template <class T>
std::vector<double> double_rows(const DeviceBuffer<T>& matrix, const std::vector<int>& rows, int width) {
  return to_double(download_rows(matrix, rows, width));
}

}  // namespace wb
