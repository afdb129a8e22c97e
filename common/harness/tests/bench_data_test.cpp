// Benchmarks check some rows only, so those must be the right ones; and tests speak of float and bf16 alike.
#include "common/harness/bench_data.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/core/rng.h"
#include "common/harness/matcher.h"

namespace {

TEST(SampledRows, HoldTheFirstAndTheLast) {
  EXPECT_EQ(wb::sampled_rows(1), (std::vector{0}));
  EXPECT_EQ(wb::sampled_rows(3), (std::vector{0, 1, 2}));
  EXPECT_EQ(wb::sampled_rows(2'000'000'000, 3), (std::vector{0, 999'999'999, 1'999'999'999}));
  EXPECT_EQ(wb::sampled_rows(1000).size(), 16u);
}

template <class T>
class BenchData : public testing::Test {};
using InMemory = testing::Types<float, wb::bf16>;
TYPED_TEST_SUITE(BenchData, InMemory);

TYPED_TEST(BenchData, ComesBackByRows) {
  const std::vector<float> values = wb::random_normal(5 * 7, 1);
  const auto matrix = wb::to_device<TypeParam>(values);  // (5, 7)
  std::vector<float> expected(values.begin() + 7, values.begin() + 14);
  expected.insert(expected.end(), values.begin() + 28, values.end());
  EXPECT_TRUE(wb::matches(wb::download_rows(matrix, {1, 4}, 7), wb::to_double(expected),
                          wb::stored_as<TypeParam>({0.0, 0.0}), {{2, 7}}));
}

// More elements than the host takes at a time.
TYPED_TEST(BenchData, AllRowsAreAdded) {
  constexpr int kRows = 9, kWidth = 1 << 20;
  const std::vector<float> values = wb::random_normal(kWidth, 1);
  std::vector<float> a, b;
  for (int row = 0; row < kRows; ++row) {
    a.insert(a.end(), values.begin(), values.end());
    b.insert(b.end(), kWidth, static_cast<float>(row));
  }
  const auto rounded = wb::from_float<TypeParam>(values);
  std::vector<double> sums(kWidth);
  wb::add_rows(
      wb::to_device<TypeParam>(a), wb::to_device<TypeParam>(b), kRows, kWidth,
      [&](std::size_t row, std::size_t begin, std::size_t end, const TypeParam* x, const TypeParam* y) {
        for (std::size_t i = begin; i < end; ++i) {
          sums[i] += wb::to_float(x[i]) * (wb::to_float(y[i]) + static_cast<double>(row));
        }
      });
  std::size_t different = 0;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    different +=
        std::abs(sums[i] - wb::to_float(rounded[i]) * (kRows * (kRows - 1.0))) > 1e-9 * kRows * kRows;
  }
  EXPECT_EQ(different, 0u);
}

}  // namespace
