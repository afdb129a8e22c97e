// Gradients against central differences in double.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <span>

#include "common/harness/matcher.h"

namespace wb {

/// Compares `analytic`, the gradient of the scalar function f at x, with (f(x + h e_i) - f(x - h e_i)) / 2h,
/// h = step * max(1, |x_i|), for every i, or for `samples` seeded random i where x is longer.
/// For a tensor-valued op take f = sum of its output times fixed random weights: those weights are its
/// upstream gradient.
testing::AssertionResult gradient_matches(const std::function<double(std::span<const double>)>& f,
                                          std::span<const double> x, std::span<const double> analytic,
                                          const Tolerance& tolerance, double step = 1e-5,
                                          std::size_t samples = 64);

}  // namespace wb
