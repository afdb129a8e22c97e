// The gradient check accepts a right gradient and rejects a wrong one, wherever the mistake lies.
#include "common/harness/gradient_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "common/core/rng.h"

namespace {

constexpr wb::Tolerance kTight{1e-8, 1e-7};

double f(std::span<const double> x) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += std::sin(x[i]) * static_cast<double>(i + 1);
  return sum;
}

struct Case {
  std::vector<double> x, gradient;
};

Case make_case(std::size_t n) {
  Case c;
  wb::Rng rng(5);
  for (std::size_t i = 0; i < n; ++i) {
    c.x.push_back(rng.uniform(-2, 2));
    c.gradient.push_back(std::cos(c.x[i]) * static_cast<double>(i + 1));
  }
  return c;
}

TEST(GradientCheck, AcceptsTheGradient) {
  const Case c = make_case(20);
  EXPECT_TRUE(wb::gradient_matches(f, c.x, c.gradient, kTight));
  const Case large = make_case(5000);
  EXPECT_TRUE(wb::gradient_matches(f, large.x, large.gradient, {1e-6, 1e-6}));
}

TEST(GradientCheck, RejectsOneWrongCoordinate) {
  Case c = make_case(20);
  c.gradient[13] *= 1.001;
  const auto result = wb::gradient_matches(f, c.x, c.gradient, kTight);
  ASSERT_FALSE(result);
  EXPECT_NE(std::string(result.message()).find("1 of 20 checked coordinates"), std::string::npos)
      << result.message();
  EXPECT_NE(std::string(result.message()).find("first at [13]"), std::string::npos) << result.message();
}

TEST(GradientCheck, RejectsAMissingTermAmongSampledCoordinates) {
  Case c = make_case(5000);
  for (double& value : c.gradient) value += 0.01;
  EXPECT_FALSE(wb::gradient_matches(f, c.x, c.gradient, kTight));
}

TEST(GradientCheck, RejectsNan) {
  Case c = make_case(5);
  c.gradient[4] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(wb::gradient_matches(f, c.x, c.gradient, {1e9, 1e9}));
  const auto nan = [](std::span<const double>) { return std::numeric_limits<double>::quiet_NaN(); };
  EXPECT_FALSE(wb::gradient_matches(nan, c.x, make_case(5).gradient, {1e9, 1e9}));
}

TEST(GradientCheck, RejectsAnotherSizeAndNothing) {
  const Case c = make_case(5);
  EXPECT_FALSE(wb::gradient_matches(f, c.x, make_case(4).gradient, kTight));
  EXPECT_FALSE(wb::gradient_matches(f, {}, {}, kTight));
}

TEST(GradientCheck, LeavesNoTraceBetweenCoordinates) {
  // f of a product sees a point that was not put back.
  const auto product = [](std::span<const double> x) { return x[0] * x[1] * x[2]; };
  EXPECT_TRUE(
      wb::gradient_matches(product, std::vector<double>{2, 3, 4}, std::vector<double>{12, 8, 6}, kTight));
}

}  // namespace
