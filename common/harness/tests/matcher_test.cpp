// The matcher lets nothing wrong pass, and its diagnosis names the mistake that made the pattern.
#include "common/harness/matcher.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "common/core/device_info.h"
#include "common/core/rng.h"

namespace {

constexpr wb::Tolerance kTight{1e-6, 1e-5};
const float kNan = std::numeric_limits<float>::quiet_NaN();
const float kInf = std::numeric_limits<float>::infinity();
const float kPoison = std::bit_cast<float>(0xffbfffffU);

std::vector<float> sample(std::size_t n) {
  return wb::random_normal(n, 7);
}

// The failure message for `got` against the truth; empty if it passes.
std::string explain(const std::vector<float>& got, const std::vector<float>& truth,
                    const wb::Shape& shape = {}) {
  const auto result = wb::matches(got, wb::to_double(truth), kTight, shape);
  return result ? "" : result.message();
}

testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << '"' << part << "\" is not in: " << text;
}

TEST(Matcher, PassesWhatIsWithinTolerance) {
  EXPECT_TRUE(
      wb::matches(std::vector<float>{1.0f, 100.0f}, std::vector<double>{1.0 + 1e-7, 100.0005}, kTight));
  EXPECT_TRUE(wb::matches(std::vector<float>{}, std::vector<double>{}, kTight));
  EXPECT_TRUE(wb::matches(std::vector<float>{-kInf}, std::vector<double>{-INFINITY}, kTight));
}

TEST(Matcher, FailsJustOutsideTheTolerance) {
  const std::vector<double> expected{8.0};
  EXPECT_TRUE(wb::matches(std::vector<float>{8.5f}, expected, {0.5, 0.0}));
  EXPECT_FALSE(wb::matches(std::vector<float>{8.5625f}, expected, {0.5, 0.0}));
  EXPECT_TRUE(wb::matches(std::vector<float>{7.0f}, expected, {0.0, 0.125}));
  EXPECT_FALSE(wb::matches(std::vector<float>{6.9375f}, expected, {0.0, 0.125}));
}

TEST(Matcher, GivesEachElementItsSlack) {
  const std::vector<double> expected{8.0, 8.0};
  wb::Shape shape;
  shape.slack = {0.0, 1.0};
  EXPECT_TRUE(wb::matches(std::vector<float>{8.5f, 9.5f}, expected, {0.5, 0.0}, shape));
  EXPECT_FALSE(wb::matches(std::vector<float>{8.5f, 9.5625f}, expected, {0.5, 0.0}, shape));
  EXPECT_FALSE(wb::matches(std::vector<float>{8.5625f, 9.5f}, expected, {0.5, 0.0}, shape));
  EXPECT_FALSE(wb::matches(std::vector<float>{8.0f, kNan}, expected, {0.5, 0.0}, shape));
  shape.slack = {1.0};
  EXPECT_TRUE(contains(wb::matches(std::vector<float>{8.0f, 8.0f}, expected, kTight, shape).message(),
                       "slack for 1"));
}

TEST(Matcher, NeverLetsNanPass) {
  EXPECT_FALSE(wb::matches(std::vector<float>{kNan}, std::vector<double>{1.0}, {1e30, 1e30}));
  EXPECT_FALSE(wb::matches(std::vector<float>{kNan}, std::vector<double>{NAN}, kTight));
  EXPECT_FALSE(wb::matches(std::vector<float>{1.0f}, std::vector<double>{NAN}, kTight));
  EXPECT_FALSE(wb::matches(std::vector<float>{1.1f}, std::vector<double>{1.0}, {NAN, NAN}));
  EXPECT_FALSE(wb::matches(std::vector<float>{kInf}, std::vector<double>{-INFINITY}, kTight));
  EXPECT_FALSE(wb::matches(std::vector<float>{5.0f}, std::vector<double>{-INFINITY}, kTight));
  EXPECT_FALSE(wb::matches(std::vector<float>{kInf}, std::vector<double>{1.0}, kTight));
}

TEST(Matcher, FailsOnAnotherSize) {
  const auto result = wb::matches(std::vector<float>{1.0f}, std::vector<double>{1.0, 2.0}, kTight);
  ASSERT_FALSE(result);
  EXPECT_TRUE(contains(result.message(), "got 1 elements, but 2 were expected"));
}

TEST(Matcher, NamesFirstAndWorstElement) {
  const std::vector<float> truth = sample(4 * 250);
  std::vector<float> got = truth;
  got[257] += 0.5f;
  got[900] += 100.0f;
  const std::string text = explain(got, truth, {{4, 250}, 256});
  EXPECT_TRUE(contains(text, "2 of 1000 elements are wrong (allowed: 1e-06 + 1e-05 * |expected|)"));
  EXPECT_TRUE(contains(text, "first [1][7]: got "));
  EXPECT_TRUE(contains(text, "off by 0.5"));
  EXPECT_TRUE(contains(text, "block 1, thread 1"));
  EXPECT_TRUE(contains(text, "worst [3][150]: got "));
}

TEST(Diagnosis, NothingWritten) {
  const std::string text = explain(std::vector<float>(100, kPoison), sample(100));
  EXPECT_TRUE(contains(text, "NaN, never written"));
  EXPECT_TRUE(contains(text, "nothing was written: is the kernel launched"));
}

TEST(Diagnosis, ComputedNanIsNotPoison) {
  const std::string text = explain(std::vector<float>(100, kNan), sample(100));
  EXPECT_TRUE(contains(text, "NaN: inf - inf, 0 / 0"));
  EXPECT_EQ(text.find("never written"), std::string::npos);
}

TEST(Diagnosis, PoisonThatWentThroughArithmeticIsNotCalledNeverWritten) {
  const std::string text = explain(std::vector<float>(100, std::bit_cast<float>(0xffffffffU)), sample(100));
  EXPECT_TRUE(contains(text, "the NaN of memory that was read before it was written"));
  EXPECT_EQ(text.find("never written"), std::string::npos);
}

TEST(Diagnosis, AShuffleFromALaneThatIsNotThere) {
  if (!wb::device_is_cpu()) GTEST_SKIP() << "a GPU gives any value";
  const std::string text = explain(std::vector<float>(100, std::bit_cast<float>(0xffd5ffd5U)), sample(100));
  EXPECT_TRUE(contains(text, "the NaN of a shuffle from a lane that does not exist"));
}

TEST(Diagnosis, TailNeverWritten) {
  std::vector<float> got = sample(1000);
  std::fill(got.begin() + 768, got.end(), kPoison);
  const std::string text = explain(got, sample(1000), {{1000}, 256});
  EXPECT_TRUE(contains(text, "only the tail, elements 768 to 999: no thread wrote it. Too few blocks"));
  EXPECT_TRUE(contains(text, "block 3, thread 0"));
}

TEST(Diagnosis, TailFromTwoToThe16On) {
  std::vector<float> got = sample(70000);
  std::fill(got.begin() + 65536, got.end(), kPoison);
  EXPECT_TRUE(contains(explain(got, sample(70000)), "too few blocks, or an index in a type of 16 bits?"));
  got[65536] = 0.5f;
  EXPECT_FALSE(contains(explain(got, sample(70000)), "16 bits"));
}

TEST(Diagnosis, WholeLastRowsAreNoTail) {
  std::vector<float> got = sample(1000);
  for (std::size_t i = 980; i < 1000; ++i) got[i] += static_cast<float>(i);
  const std::string text = explain(got, sample(1000), {{100, 10}});
  EXPECT_TRUE(contains(text, "only the last 2 of 100 rows, whole"));
  EXPECT_FALSE(contains(text, "only the tail"));
}

TEST(Diagnosis, NoEdgeWhereThereIsNone) {
  std::vector<float> got = sample(1000);
  for (std::size_t i = 992; i < 1000; ++i) got[i] += static_cast<float>(i);
  EXPECT_FALSE(contains(explain(got, sample(1000), {.dims = {1000}, .has_edges = false}), "tail"));
}

TEST(Diagnosis, TailWrong) {
  std::vector<float> got = sample(1000);
  for (std::size_t i = 992; i < 1000; ++i) got[i] += static_cast<float>(i);
  EXPECT_TRUE(
      contains(explain(got, sample(1000)), "only the tail, elements 992 to 999: the last, partly filled"));
}

TEST(Diagnosis, LastColumns) {
  std::vector<float> got = sample(8 * 33);
  for (std::size_t row = 0; row < 8; ++row) got[row * 33 + 32] = kPoison;
  EXPECT_TRUE(contains(explain(got, sample(8 * 33), {{8, 33}}), "the last 1 of 33 columns, in every row"));
}

TEST(Diagnosis, EveryKth) {
  std::vector<float> got = sample(1000);
  for (std::size_t i = 3; i < 1000; i += 4) got[i] = kPoison;
  EXPECT_TRUE(contains(explain(got, sample(1000)), "every 4th element, from 3: a lane of a vector load"));
  got = sample(1000);
  for (std::size_t i = 31; i < 1000; i += 32) got[i] += 1.0f + static_cast<float>(i);
  EXPECT_TRUE(contains(explain(got, sample(1000)), "always lane 31 of its warp"));
}

TEST(Diagnosis, OneBlock) {
  std::vector<float> got = sample(1024);
  for (std::size_t i = 256; i < 512; ++i) got[i] = got[i] * static_cast<float>(i);
  EXPECT_TRUE(contains(explain(got, sample(1024), {{1024}, 256}), "only elements 256 to 511, in block 1."));
}

TEST(Diagnosis, OneTile) {
  std::vector<float> got = sample(64 * 64);
  for (std::size_t row = 16; row < 32; ++row) {
    for (std::size_t column = 32; column < 48; ++column) got[row * 64 + column] = kPoison;
  }
  EXPECT_TRUE(contains(explain(got, sample(64 * 64), {{64, 64}}),
                       "only the tile of rows 16 to 31, columns 32 to 47"));
}

TEST(Diagnosis, ScatteredLooksLikeARace) {
  std::vector<float> got = sample(1000);
  for (const std::size_t i : {5, 77, 78, 300, 901}) got[i] += 3.0f;
  EXPECT_TRUE(contains(explain(got, sample(1000)), "it is a race"));
}

TEST(Diagnosis, AllZero) {
  EXPECT_TRUE(contains(explain(std::vector<float>(100, 0.0f), sample(100)), "zero: stored before"));
}

TEST(Diagnosis, Infinite) {
  EXPECT_TRUE(contains(explain(std::vector<float>(100, kInf), sample(100)), "infinite: an overflow"));
}

TEST(Diagnosis, OneNanAmongNumbers) {
  std::vector<float> got = sample(1000);
  for (std::size_t i = 0; i < 500; ++i) got[2 * i + (i % 3 == 0)] += 1.0f;
  got[10] = kNan;
  EXPECT_TRUE(contains(explain(got, sample(1000)), "1 of the wrong elements is NaN"));
}

TEST(Diagnosis, Transposed) {
  for (const auto& [batch, rows, columns] : {std::array<std::size_t, 3>{1, 16, 16}, {1, 5, 7}, {3, 8, 4}}) {
    const std::vector<float> truth = sample(batch * rows * columns);
    std::vector<float> got(truth.size());
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) {
          got[b * rows * columns + j * rows + i] = truth[b * rows * columns + i * columns + j];
        }
      }
    }
    const wb::Shape shape{{static_cast<std::int64_t>(batch), static_cast<std::int64_t>(rows),
                           static_cast<std::int64_t>(columns)}};
    EXPECT_TRUE(contains(explain(got, truth, shape), "transposed")) << batch << 'x' << rows << 'x' << columns;
  }
}

TEST(Diagnosis, ConstantFactor) {
  const std::vector<float> truth = sample(1000);
  const auto scaled = [&](float factor) {
    std::vector<float> got = truth;
    for (float& value : got) value *= factor;
    return got;
  };
  EXPECT_TRUE(contains(explain(scaled(-1.0f), truth), "the sign is wrong"));
  EXPECT_TRUE(contains(explain(scaled(2.0f), truth), "got = 2 * expected: something is counted twice"));
  EXPECT_TRUE(contains(explain(scaled(32.0f), truth), "32 is the width of a warp: every thread of it adds"));
  EXPECT_TRUE(
      contains(explain(scaled(1 / 256.0f), truth), "256 is a usual block size: only one thread of it"));
  EXPECT_TRUE(
      contains(explain(scaled(100.0f), truth, {{10, 100}}), "100 is a dimension: a missing division"));
  EXPECT_TRUE(contains(explain(scaled(10.0f), truth, {{10, 100}}), "10 is a dimension"));
  EXPECT_TRUE(contains(explain(scaled(0.7f), truth), "got = 0.7 * expected: a missing or extra scale"));
}

TEST(Diagnosis, ConstantOffset) {
  std::vector<float> got = sample(1000);
  for (float& value : got) value += 2.5f;
  EXPECT_TRUE(contains(explain(got, sample(1000)), "got = expected + 2.5"));
}

TEST(Diagnosis, Shifted) {
  const std::vector<float> truth = sample(1000);
  std::vector<float> got(1000, 0.0f);
  std::copy(truth.begin() + 1, truth.end(), got.begin());
  EXPECT_TRUE(contains(explain(got, truth), "element i holds what belongs to i + 1, off by one"));
  std::copy(truth.begin(), truth.end() - 100, got.begin() + 100);
  EXPECT_TRUE(contains(explain(got, truth, {{10, 100}}), "belongs to i - 100, off by one row"));
}

TEST(Diagnosis, ConstantOutput) {
  EXPECT_TRUE(contains(explain(std::vector<float>(100, 0.25f), sample(100)), "all of them hold 0.25"));
}

TEST(Diagnosis, OldContents) {
  const std::vector<float> before = wb::random_normal(100, 9), truth = sample(100);
  std::vector<float> sum = truth, difference = truth;
  for (std::size_t i = 0; i < 100; ++i) sum[i] += before[i];
  for (std::size_t i = 0; i < 100; ++i) difference[i] -= before[i];
  EXPECT_TRUE(contains(explain(before, truth, {{100}, 0, before}), "are still there, everywhere"));
  std::vector<float> partly = truth, in_place = truth;
  std::copy(before.begin() + 50, before.end(), partly.begin() + 50);
  std::copy(before.begin(), before.begin() + 16, in_place.begin());  // right as they were
  EXPECT_TRUE(contains(explain(partly, truth, {{100}, 0, before}), "unchanged: the contents from before"));
  EXPECT_FALSE(contains(explain(before, in_place, {{100}, 0, before}), "only the tail"));
  EXPECT_TRUE(contains(explain(sum, truth, {{100}, 0, before}), "to be overwritten, not accumulated"));
  EXPECT_TRUE(
      contains(explain(difference, truth, {{100}, 0, before}), "to be accumulated (+=), not overwritten"));
}

TEST(Diagnosis, Rounding) {
  std::vector<float> got = sample(1000);
  wb::Rng rng(3);
  for (float& value : got) value *= static_cast<float>(1.0 + 4e-4 * (rng.uniform() - 0.5));
  EXPECT_TRUE(contains(explain(got, sample(1000)), "close, but beyond rounding"));
}

TEST(Diagnosis, OracleWithNan) {
  EXPECT_TRUE(contains(explain({1.0f}, {kNan}), "the mistake is in the test's inputs or its oracle"));
}

// A wrong guess is worse than none: unrelated numbers have no cause to name.
TEST(Diagnosis, SaysNothingAboutUnrelatedNumbers) {
  for (const std::size_t n : {1, 2, 3, 6, 100, 1024}) {
    const std::string text =
        explain(wb::random_uniform(n, 21, 5.0f, 6.0f), wb::random_uniform(n, 22, -9.0f, -1.0f),
                {{static_cast<std::int64_t>(n)}, 256});
    EXPECT_TRUE(contains(text, n == 1 ? "1 of 1 elements is wrong" : "elements are wrong"));
    EXPECT_EQ(text.find("what:"), std::string::npos) << text;
  }
}

}  // namespace
