// The parts of common/core that everything stands on.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstddef>
#include <vector>

#include "common/core/device_buffer.h"
#include "common/core/error.h"
#include "common/core/implementations.h"
#include "common/core/parallel_ranges.h"
#include "common/core/registry.h"
#include "common/core/rng.h"
#include "common/harness/implementation_test.h"

namespace {

struct Twice {
  static constexpr const char* kName = "twice";
  using Function = int(int);
};
int twice_by_sum(int x) {
  return x + x;
}
int twice_by_product(int x) {
  return 2 * x;
}
WB_REGISTER(Twice, sum, twice_by_sum);
WB_REGISTER(Twice, product, twice_by_product);

struct Nothing {
  static constexpr const char* kName = "nothing";
  using Function = void();
};

TEST(Registry, ListsByNameAndFinds) {
  const auto all = wb::implementations<Twice>();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "product");
  EXPECT_EQ(all[1].name, "sum");
  EXPECT_EQ(wb::find_implementation<Twice>("sum").function(21), 42);
}

TEST(Registry, NamesWhatThereIs) {
  EXPECT_THROW_MESSAGE(wb::find_implementation<Twice>("fast"), wb::Error,
                       "twice: no implementation 'fast'; this program has: product, sum");
  EXPECT_THROW_MESSAGE(wb::find_implementation<Nothing>("fast"), wb::Error, "this program has: none");
}

void needs_positive(int count) {
  WB_REQUIRE(count > 0, count);
}

TEST(Check, NamesConditionAndValue) {
  EXPECT_NO_THROW(needs_positive(1));
  EXPECT_THROW_MESSAGE(needs_positive(-3), wb::Error,
                       "needs_positive: needs count > 0, but count = -3 (core_test.cpp:");
}

TEST(Check, EvaluatesACallOnceAndKeepsItsCode) {
  int calls = 0;
  const auto call = [&](cudaError_t code) {
    ++calls;
    return code;
  };
  WB_CUDA_CHECK(call(cudaSuccess));
  EXPECT_EQ(calls, 1);
  try {
    WB_CUDA_CHECK(call(cudaErrorInvalidValue));
    FAIL() << "an error passed";
  } catch (const wb::CudaError& error) {
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(error.code(), cudaErrorInvalidValue);
    EXPECT_NE(std::string(error.what()).find("cudaErrorInvalidValue"), std::string::npos) << error.what();
  }
}

// clang-format off: without braces, the else must belong to the if that it is written under.
bool reaches_else(bool condition) {
  if (condition)
    WB_REQUIRE(condition, condition);
  else
    return true;
  return false;
}
// clang-format on

TEST(Check, IsOneStatement) {
  EXPECT_TRUE(reaches_else(false));
  EXPECT_FALSE(reaches_else(true));
}

TEST(DeviceBuffer, CountsMemoryAndMoves) {
  const std::size_t before = wb::device_memory_use().current;
  wb::reset_peak_device_memory();
  {
    wb::DeviceBuffer<float> first(1000);
    wb::DeviceBuffer<float> second(std::vector<float>{1, 2, 3});
    EXPECT_EQ(wb::device_memory_use().current, before + 4012);
    wb::DeviceBuffer<float> moved(std::move(second));
    EXPECT_EQ(moved.download(), (std::vector<float>{1, 2, 3}));
    EXPECT_EQ(second.size(), 0U);
    first = std::move(moved);
    EXPECT_EQ(first.size(), 3U);
    EXPECT_EQ(wb::device_memory_use().current, before + 4012);
  }
  EXPECT_EQ(wb::device_memory_use().current, before);
  EXPECT_EQ(wb::device_memory_use().peak, before + 4012);
  EXPECT_EQ(wb::DeviceBuffer<float>(0).data(), nullptr);
}

TEST(DeviceBuffer, RefusesMoreThanItHolds) {
  wb::DeviceBuffer<float> buffer(2);
  EXPECT_THROW_MESSAGE(buffer.upload(std::vector<float>{1, 2, 3}), wb::Error, "host.size() = 3");
}

TEST(Rng, IsTheSameEverywhere) {
  // SplitMix64 of seed 0, from the reference implementation's published output.
  wb::Rng rng(0);
  EXPECT_EQ(rng.next(), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(rng.next(), 0x6e789e6aa1b965f4ULL);
  EXPECT_EQ(wb::random_uniform(8, 3), wb::random_uniform(8, 3));
  EXPECT_NE(wb::random_uniform(8, 3), wb::random_uniform(8, 4));
}

TEST(Rng, LargeArraysAreTheSameNumbersOneAfterTheOther) {
  // As many as several threads draw.
  constexpr std::size_t kCount = (std::size_t{1} << 23) + 3;
  const std::vector<float> values = wb::random_uniform(kCount, 5, -2, 3);
  wb::Rng rng(5);
  std::size_t different = 0;
  for (const float value : values) different += value != static_cast<float>(rng.uniform(-2, 3));
  EXPECT_EQ(different, 0u);
}

TEST(ParallelRanges, TogetherAreTheWholeAndSmallOnesAreOne) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    std::vector<std::atomic<int>> visits(size);
    std::atomic<int> ranges = 0;
    wb::parallel_ranges(size, 100, [&](std::size_t begin, std::size_t end) {
      ++ranges;
      for (std::size_t i = begin; i < end; ++i) ++visits[i];
    });
    for (const auto& count : visits) EXPECT_EQ(count, 1);
    EXPECT_TRUE(size >= 200 || ranges == 1) << size << " elements, " << ranges << " ranges";
  }
}

TEST(ParallelRanges, ThrowsWhatARangeThrew) {
  const auto fail = [](std::size_t, std::size_t end) {
    if (end == 1000) throw wb::Error("the last range failed");
  };
  EXPECT_THROW_MESSAGE(wb::parallel_ranges(1000, 1, fail), wb::Error, "the last range failed");
}

TEST(Rng, HasTheRangeAndMomentsItPromises) {
  wb::Rng rng(11);
  double sum = 0, squares = 0;
  constexpr int kCount = 100000;
  for (int i = 0; i < kCount; ++i) {
    const double uniform = rng.uniform(-2, 3);
    EXPECT_GE(uniform, -2);
    EXPECT_LT(uniform, 3);
    EXPECT_LT(rng.below(7), 7U);
    const double normal = rng.normal();
    sum += normal;
    squares += normal * normal;
  }
  EXPECT_NEAR(sum / kCount, 0, 0.02);
  EXPECT_NEAR(squares / kCount, 1, 0.03);
}

}  // namespace
