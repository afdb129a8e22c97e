// The Newton-Schulz iteration as plain loops in double, and the singular values of a matrix.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "02_matmul/newton_schulz.h"

namespace wb {

/// What one step does to a singular value.
inline double newton_schulz_map(double s) {
  const double a = kNewtonSchulzA, b = kNewtonSchulzB, c = kNewtonSchulzC;
  return a * s + b * s * s * s + c * s * s * s * s * s;
}

namespace detail {

// X X^T of x (rows, columns).
inline std::vector<double> gram_of(std::span<const double> x, std::size_t rows, std::size_t columns) {
  std::vector<double> gram(rows * rows);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < rows; ++j) {
      for (std::size_t p = 0; p < columns; ++p) gram[i * rows + j] += x[i * columns + p] * x[j * columns + p];
    }
  }
  return gram;
}

// y (rows, rows) times x (rows, columns).
inline std::vector<double> square_times(std::span<const double> y, std::span<const double> x,
                                        std::size_t rows, std::size_t columns) {
  std::vector<double> product(rows * columns);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t p = 0; p < rows; ++p) {
      for (std::size_t j = 0; j < columns; ++j)
        product[i * columns + j] += y[i * rows + p] * x[p * columns + j];
    }
  }
  return product;
}

}  // namespace detail

/// `steps` steps from x / (||x||_F + 1e-7), as the formula stands: for tall matrices too, since
/// (X X^T) X = X (X^T X).
inline std::vector<double> newton_schulz_oracle(std::span<const float> x, int r, int c, int steps) {
  const auto rows = static_cast<std::size_t>(r), columns = static_cast<std::size_t>(c);
  double squares = 0;
  for (const float value : x) squares += static_cast<double>(value) * value;
  std::vector<double> now(x.begin(), x.end());
  for (double& value : now) value /= std::sqrt(squares) + static_cast<double>(kNewtonSchulzEpsilon);
  for (int step = 0; step < steps; ++step) {
    const std::vector<double> gram = detail::gram_of(now, rows, columns);
    const std::vector<double> cubic = detail::square_times(gram, now, rows, columns);
    const std::vector<double> quintic = detail::square_times(gram, cubic, rows, columns);
    for (std::size_t i = 0; i < now.size(); ++i) {
      now[i] = kNewtonSchulzA * now[i] + kNewtonSchulzB * cubic[i] + kNewtonSchulzC * quintic[i];
    }
  }
  return now;
}

/// The min(R, C) singular values of x (R, C), largest first: one-sided Jacobi rotations make its rows (of a
/// tall matrix, its columns) orthogonal; their lengths are the singular values (Hestenes, 1958).
inline std::vector<double> singular_values(std::span<const float> x, int r, int c) {
  const auto count = static_cast<std::size_t>(std::min(r, c)),
             length = static_cast<std::size_t>(std::max(r, c));
  std::vector<std::vector<double>> vectors(count, std::vector<double>(length));
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < length; ++j) vectors[i][j] = r <= c ? x[i * length + j] : x[j * count + i];
  }
  const auto dot = [&](std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t p = 0; p < length; ++p) sum += vectors[i][p] * vectors[j][p];
    return sum;
  };
  for (bool rotated = true; rotated;) {
    rotated = false;
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = i + 1; j < count; ++j) {
        const double ii = dot(i, i), jj = dot(j, j), ij = dot(i, j);
        // Also false for NaN, which would never end.
        if (!(std::fabs(ij) > 1e-13 * std::sqrt(ii * jj))) continue;
        rotated = true;
        const double ratio = (jj - ii) / (2 * ij);
        const double tangent = std::copysign(1.0, ratio) / (std::fabs(ratio) + std::sqrt(1 + ratio * ratio));
        const double cosine = 1 / std::sqrt(1 + tangent * tangent), sine = cosine * tangent;
        for (std::size_t p = 0; p < length; ++p) {
          const double first = vectors[i][p], second = vectors[j][p];
          vectors[i][p] = cosine * first - sine * second;
          vectors[j][p] = sine * first + cosine * second;
        }
      }
    }
  }
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = std::sqrt(dot(i, i));
  std::sort(values.begin(), values.end(), std::greater<>());
  return values;
}

}  // namespace wb
