// y = gelu(x w^T + bias) in double.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "02_matmul/testing/matmul_oracle.h"

namespace wb {

inline double gelu_oracle(double z) {
  constexpr double kPi = 3.14159265358979323846;
  return 0.5 * z * (1.0 + std::tanh(std::sqrt(2.0 / kPi) * (z + 0.044715 * z * z * z)));
}

inline std::vector<double> matmul_bias_gelu_oracle(std::span<const float> x,     // (M, K)
                                                   std::span<const float> w,     // (N, K)
                                                   std::span<const float> bias,  // (N)
                                                   int m, int n, int k) {
  std::vector<double> y = matmul_oracle(x, transposed(w, n, k), m, n, k);
  const auto width = static_cast<std::size_t>(n);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = gelu_oracle(y[i] + static_cast<double>(bias[i % width]));
  return y;
}

}  // namespace wb
