// Matrix products in tf32: exact inputs give fp32's accuracy, other inputs are rounded first, and only they.
#include <algorithm>
#include <cmath>
#include <limits>

#include "02_matmul/matmul.h"
#include "02_matmul/testing/matmul_oracle.h"
#include "common/core/tf32.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::area;
using wb::MatmulLayout;

constexpr MatmulLayout kLayouts[] = {MatmulLayout::kNN, MatmulLayout::kNT, MatmulLayout::kTN};

// Rounding toward zero moves a number by less than 2^-10 of it; a product has two factors.
constexpr double kProductError = 2.0 / 1024.0;

struct Sizes {
  int m, n, k;
};

std::vector<float> rounded(std::vector<float> values) {
  for (float& value : values) value = wb::round_to_tf32(value);
  return values;
}

class MatmulTf32Test : public wb::ImplementationTest<wb::MatmulTf32> {
 protected:
  // op(A) op(B) alpha + beta C of these matrices, the guards around them checked.
  std::vector<float> product(MatmulLayout layout, const std::vector<float>& a, const std::vector<float>& b,
                             const std::vector<float>& before, Sizes sizes, float alpha, float beta,
                             std::size_t misalign = 0) {
    const auto [m, n, k] = sizes;
    auto device_a = wb::GuardedBuffer<float>::input(wb::stored_a(layout, a, m, k), misalign);
    auto device_b = wb::GuardedBuffer<float>::input(wb::stored_b(layout, b, k, n), misalign);
    // With beta = 0, c is not read: it holds NaN.
    auto c = beta == 0.0f ? wb::GuardedBuffer<float>::output(area(m, n), misalign)
                          : wb::GuardedBuffer<float>::inout(before, misalign);
    run(layout, device_a.data(), device_b.data(), c.data(), m, n, k, alpha, beta, nullptr);
    EXPECT_TRUE(c.check("c"));
    EXPECT_TRUE(device_a.check("a"));
    EXPECT_TRUE(device_b.check("b"));
    return c.download();
  }

  void expect_exact_product(MatmulLayout layout, Sizes sizes, float alpha, float beta,
                            std::size_t misalign = 0) {
    const auto [m, n, k] = sizes;
    SCOPED_TRACE("layout " + std::to_string(static_cast<int>(layout)) + ", m = " + std::to_string(m) +
                 ", n = " + std::to_string(n) + ", k = " + std::to_string(k));
    const std::vector<float> a = rounded(wb::random_uniform(area(m, k), 1));
    const std::vector<float> b = rounded(wb::random_uniform(area(k, n), 2));
    const std::vector<float> before = wb::random_uniform(area(m, n), 3);  // c is fp32: not rounded
    std::vector<double> expected = wb::matmul_oracle(a, b, m, n, k);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] = alpha * expected[i] + (beta != 0.0f ? static_cast<double>(beta) * before[i] : 0.0);
    }
    const wb::Tolerance tolerance = {std::max(1e-6, 2e-7 * k), 1e-6};
    EXPECT_TRUE(wb::matches(product(layout, a, b, before, sizes, alpha, beta, misalign), expected, tolerance,
                            {{m, n}}));
  }
};

// A factor of ten bits is what tf32 holds: nothing is rounded, whichever way the hardware would.
TEST_P(MatmulTf32Test, MultipliesEveryLayout) {
  for (const MatmulLayout layout : kLayouts) {
    for (const Sizes sizes : {Sizes{1, 1, 1}, {33, 65, 17}, {64, 64, 64}, {70, 132, 100}, {129, 3, 511}}) {
      expect_exact_product(layout, sizes, 1.0f, 0.0f);
    }
    expect_exact_product(layout, {68, 72, 40}, -1.5f, 0.5f);
    expect_exact_product(layout, {68, 72, 40}, 1.0f, 0.0f, 1);
  }
}

TEST_P(MatmulTf32Test, IsAsCloseToFp32AsTf32Is) {
  const auto [m, n, k] = Sizes{70, 132, 100};
  const std::vector<float> a = wb::random_uniform(area(m, k), 4), b = wb::random_uniform(area(k, n), 5);
  std::vector<float> a_size = a, b_size = b;
  for (float& value : a_size) value = std::abs(value);
  for (float& value : b_size) value = std::abs(value);
  const std::vector<double> expected = wb::matmul_oracle(a, b, m, n, k);
  const std::vector<double> size = wb::matmul_oracle(a_size, b_size, m, n, k);  // sum of |a| |b|
  for (const MatmulLayout layout : kLayouts) {
    const std::vector<float> got = product(layout, a, b, {}, {m, n, k}, 1.0f, 0.0f);
    double largest = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double error = std::abs(got[i] - expected[i]) / size[i];
      ASSERT_TRUE(error <= kProductError)
          << "element " << i << ": " << got[i] << ", expected " << expected[i];
      largest = std::max(largest, error);
    }
    // fp32 would be a hundred times as close. Not rounding at all is not what was asked for.
    EXPECT_GE(largest, 1e-5) << "layout " << static_cast<int>(layout);
  }
}

// fp32's range: half precision ends at 65504.
TEST_P(MatmulTf32Test, KeepsTheRangeOfFp32) {
  const std::vector<float> got =
      product(MatmulLayout::kNT, {0x1p60f, 0x1p-60f}, {0x1p60f, 0x1p60f}, {}, {1, 1, 2}, 1.0f, 0.0f);
  EXPECT_EQ(got.at(0), 0x1p120f);
}

TEST_P(MatmulTf32Test, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::output(16);
  float* x = buffer.data();
  const float* askew = wb::misaligned(x);
  const auto multiply = [&](const float* a, const float* b, float* c, int m, int n, int k) {
    run(MatmulLayout::kNN, a, b, c, m, n, k, 1.0f, 0.0f, nullptr);
  };
  EXPECT_THROW_MESSAGE(multiply(nullptr, x, x, 2, 2, 2), wb::Error, "a = 0");
  EXPECT_THROW_MESSAGE(multiply(x, askew, x, 2, 2, 2), wb::Error, "is_aligned(b)");
  EXPECT_THROW_MESSAGE(multiply(x, x, nullptr, 2, 2, 2), wb::Error, "c = 0");
  EXPECT_THROW_MESSAGE(multiply(x, x, x, 0, 2, 2), wb::Error, "m = 0");
}

WB_TEST_IMPLEMENTATIONS(MatmulTf32Test, wb::MatmulTf32);

TEST(RoundToTf32, KeepsTenBits) {
  EXPECT_EQ(wb::round_to_tf32(1.0f + 0x1p-10f), 1.0f + 0x1p-10f);
  EXPECT_EQ(wb::round_to_tf32(1.0f + 0x1p-11f), 1.0f + 0x1p-10f);  // a tie, away from zero
  EXPECT_EQ(wb::round_to_tf32(-1.0f - 0x1p-11f), -1.0f - 0x1p-10f);
  EXPECT_EQ(wb::round_to_tf32(1.0f + 0x1p-12f), 1.0f);
  EXPECT_EQ(wb::round_to_tf32(2.0f - 0x1p-23f), 2.0f);  // carries into the exponent
  EXPECT_EQ(wb::round_to_tf32(INFINITY), INFINITY);
  EXPECT_TRUE(std::isnan(wb::round_to_tf32(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_TRUE(std::isnan(wb::round_to_tf32(std::bit_cast<float>(0x7f800001u))));  // in the dropped bits only
}

}  // namespace
