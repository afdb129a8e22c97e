// What the tests of bf16 kernels rely on: rounding to nearest even, and poison that stays recognizable.
#include "common/harness/bf16.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/core/rng.h"
#include "common/harness/guarded_buffer.h"
#include "common/harness/matcher.h"

namespace {

TEST(Bf16, RoundsToNearestEven) {
  // Neighbors of 1 lie 2^-7 apart above it.
  EXPECT_EQ(wb::rounded_to_bf16(std::vector{1.0f, 1.0039f, 1.0041f, -1.0041f}),
            (std::vector{1.0f, 1.0f, 1.0078125f, -1.0078125f}));
  EXPECT_EQ(wb::rounded_to_bf16(std::vector{1.00390625f, 1.01171875f}), (std::vector{1.0f, 1.015625f}));
}

TEST(Bf16, LosesAtMostItsRounding) {
  for (float value = 1.0f; value < 4.0f; value += 0.0013f) {
    const float rounded = wb::rounded_to_bf16(std::vector{value})[0];
    EXPECT_LE(std::fabs(rounded - value), wb::kBf16Rounding * value);
  }
}

TEST(Bf16, OnlyStoringAsBf16CostsPrecision) {
  const std::vector<float> values = wb::random_uniform(9, 1);
  EXPECT_EQ(wb::from_float<float>(values), values);
  EXPECT_EQ(wb::from_float<wb::bf16>(values), wb::to_bf16(values));
  EXPECT_EQ(wb::stored_as<float>({1e-7, 1e-6}).relative, 1e-6);
  EXPECT_EQ(wb::stored_as<wb::bf16>({1e-7, 1e-6}).relative, 1e-6 + wb::kBf16Rounding);
}

TEST(Bf16, UnwrittenOutputIsCalledUnwritten) {
  const auto y = wb::GuardedBuffer<wb::bf16>::output(40);
  const auto result = wb::matches(wb::to_float(y.download()), std::vector<double>(40, 1.0), {});
  EXPECT_FALSE(result);
  EXPECT_NE(std::string(result.message()).find("never written"), std::string::npos) << result.message();
}

}  // namespace
