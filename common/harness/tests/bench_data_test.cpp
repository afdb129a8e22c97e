// Benchmarks check some rows only, so those must be the right ones; and tests speak of float and bf16 alike.
#include "common/harness/bench_data.h"

#include <gtest/gtest.h>

#include "common/core/rng.h"
#include "common/harness/matcher.h"
#include "common/harness/rows.h"

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

TEST(Rows, EachIsCalledOnce) {
  for (const std::size_t steps : {std::size_t{1}, std::size_t{1} << 20}) {  // short: here; long: on all cores
    std::vector<int> calls(1000);
    wb::for_each_row(calls.size(), steps, [&](std::size_t row) { ++calls[row]; });
    EXPECT_EQ(calls, std::vector<int>(1000, 1));
  }
}

}  // namespace
