// What the benchmarks of RMSNorm share: sizes, buffers of float or bf16, and rows of them as the oracle
// wants.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "04_layernorm/layernorm_bench_rows.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/harness/bf16.h"
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

/// The numbers on the device, rounded to T.
template <class T>
DeviceBuffer<T> to_device(const std::vector<float>& values) {
  if constexpr (std::is_same_v<T, float>) {
    return DeviceBuffer<float>(values);
  } else {
    return DeviceBuffer<T>(to_bf16(values));
  }
}

/// Those rows of a (n, width) matrix, one after the other.
template <class T>
std::vector<float> float_rows(const DeviceBuffer<T>& matrix, const std::vector<int>& rows, int width) {
  const auto size = static_cast<std::size_t>(width);
  std::vector<T> values(rows.size() * size);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const T* row = matrix.data() + static_cast<std::size_t>(rows[i]) * size;
    WB_CUDA_CHECK(cudaMemcpy(values.data() + i * size, row, size * sizeof(T), cudaMemcpyDeviceToHost));
  }
  if constexpr (std::is_same_v<T, float>) {
    return values;
  } else {
    return to_float(values);
  }
}

template <class T>
std::vector<double> double_rows(const DeviceBuffer<T>& matrix, const std::vector<int>& rows, int width) {
  return to_double(float_rows(matrix, rows, width));
}

/// What storing a result as T may cost, beside `arithmetic`.
template <class T>
Tolerance stored_as(Tolerance arithmetic) {
  if constexpr (!std::is_same_v<T, float>) arithmetic.relative += kBf16Rounding;
  return arithmetic;
}

}  // namespace wb
