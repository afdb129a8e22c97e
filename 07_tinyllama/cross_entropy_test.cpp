// Tests of cross_entropy, in the order of the lesson's steps: the untouched starter fails at the first of
// each suite.
#include "07_tinyllama/cross_entropy.h"

#include <limits>
#include <utility>
#include <vector>

#include "07_tinyllama/testing/cross_entropy_oracle.h"
#include "common/harness/far_matches.h"
#include "common/harness/far_rows.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

using Vector = std::vector<double>;

std::vector<int> random_targets(int n, int v, std::uint64_t seed) {
  std::vector<int> targets = random_below(static_cast<std::size_t>(n), seed, v);
  targets.front() = v - 1;
  return targets;
}

// One logit, one warp and its neighbors, and rows longer than a block takes at once.
const std::vector<std::pair<int, int>> kSizes = {{1, 1},    {1, 2},    {3, 31},   {9, 32},   {17, 33},
                                                 {8, 1000}, {65, 257}, {5, 4099}, {2, 20001}};

class CrossEntropyForwardTest : public ImplementationTest<CrossEntropyForward> {
 protected:
  struct Outputs {
    std::vector<float> losses, lse;
    CrossEntropyOutputs expected;
    std::string explanation;
  };

  Outputs forward(int n, int v, const std::vector<float>& logits, const Tolerance& tolerance,
                  std::size_t misalign = 0) {
    const std::vector<int> targets = random_targets(n, v, 2);
    auto device_logits = GuardedBuffer<float>::input(logits, misalign);
    auto device_targets = GuardedBuffer<int>::input(targets, misalign);
    auto losses = GuardedBuffer<float>::output(static_cast<std::size_t>(n), misalign);
    auto lse = GuardedBuffer<float>::output(static_cast<std::size_t>(n), misalign);
    run(device_logits.data(), device_targets.data(), losses.data(), lse.data(), n, v, nullptr);
    EXPECT_TRUE(device_logits.check("logits"));
    EXPECT_TRUE(device_targets.check("targets"));
    EXPECT_TRUE(losses.check("losses"));
    EXPECT_TRUE(lse.check("lse"));
    const Vector exact = to_double(logits);
    return {losses.download(), lse.download(), cross_entropy_oracle(exact, targets),
            explain_losses(losses.download(), exact, targets, tolerance)};
  }

  void expect_oracle(int n, int v, const std::vector<float>& logits, const Tolerance& tolerance,
                     std::size_t misalign = 0) {
    SCOPED_TRACE(testing::Message() << "N " << n << ", V " << v);
    const Outputs got = forward(n, v, logits, tolerance, misalign);
    EXPECT_TRUE(matches(got.lse, got.expected.lse, tolerance, {{n}})) << "the log-sum-exp";
    EXPECT_TRUE(matches(got.losses, got.expected.losses, tolerance, {{n}})) << got.explanation;
  }
};

TEST_P(CrossEntropyForwardTest, TakesTheLogOfASum) {
  const Tolerance tolerance = {4e-6, 1e-6};
  const auto logits = random_normal(area(3, 300), 1);
  const Outputs got = forward(3, 300, logits, tolerance);
  EXPECT_TRUE(matches(got.lse, got.expected.lse, tolerance, {{3}}))
      << "the log-sum-exp\n"
      << explain_lse(got.lse, to_double(logits), 3, tolerance);
}

// exp(500) is infinite in float: without the maximum subtracted the loss is NaN.
TEST_P(CrossEntropyForwardTest, SurvivesLargeLogits) {
  for (const float low : {-1000.0f, -2000.0f}) {
    const auto logits = random_uniform(area(9, 257), 3, low, low + 2000.0f);
    const Outputs got = forward(9, 257, logits, {2e-4, 1e-6});
    EXPECT_TRUE(matches(got.lse, got.expected.lse, {2e-4, 1e-6}, {{9}}))
        << "the log-sum-exp\n"
        << explain_lse(got.lse, to_double(logits), 9, {2e-4, 1e-6});
  }
}

TEST_P(CrossEntropyForwardTest, SubtractsTheTargetsLogit) {
  const Tolerance tolerance = {4e-6, 1e-6};
  const Outputs got = forward(5, 300, random_normal(area(5, 300), 1), tolerance);
  EXPECT_TRUE(matches(got.losses, got.expected.losses, tolerance, {{5}})) << got.explanation;
}

TEST_P(CrossEntropyForwardTest, AgreesWithTheOracle) {
  for (const auto& [n, v] : kSizes) {
    expect_oracle(n, v, random_normal(area(n, v), 1, 0.0f, 3.0f), {4e-6, 1e-6});
  }
}

TEST_P(CrossEntropyForwardTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) {
    expect_oracle(3, 260, random_normal(area(3, 260), 7), {4e-6, 1e-6}, misalign);
  }
}

TEST_P(CrossEntropyForwardTest, AcceptsMaskedLogits) {
  // -inf is a token that cannot come: here all but the last column, in which the first row's target lies.
  const int n = 1, v = 100;
  std::vector<float> logits(area(n, v), -std::numeric_limits<float>::infinity());
  logits.back() = 2.5f;
  expect_oracle(n, v, logits, {1e-6, 1e-6});
}

// A maximum that ignores NaN must not make the loss of a broken model look fine.
TEST_P(CrossEntropyForwardTest, KeepsNaN) {
  std::vector<float> logits = random_normal(area(2, 300), 1);
  logits[400] = std::numeric_limits<float>::quiet_NaN();
  const Outputs got = forward(2, 300, logits, {});
  EXPECT_TRUE(std::isfinite(got.losses[0]));
  EXPECT_TRUE(std::isnan(got.losses[1])) << "row 1 holds a NaN, and its loss is " << got.losses[1];
}

// 67,109 tokens of a vocabulary of 32,000 have more than 2^31 logits.
TEST_P(CrossEntropyForwardTest, CountsPastTwoToThe31) {
  if (const std::string why = FarRows::lacking(implementation().name); !why.empty()) GTEST_SKIP() << why;
  const FarRows far;
  const auto n = static_cast<std::size_t>(far.n());
  const DeviceBuffer<int> targets(std::vector<int>(n, 7));
  DeviceBuffer<float> losses(n), lse(n);
  far.run([&] { run(far.x(), targets.data(), losses.data(), lse.data(), far.n(), far.kC, nullptr); });
  const auto expected = cross_entropy_oracle(to_double(far.last_row), {7});
  const std::vector<float> got = {losses.download().back()}, got_lse = {lse.download().back()};
  const bool wrapped = looks_like(got_lse, cross_entropy_oracle(to_double(far.other_row), {7}).lse);
  EXPECT_TRUE(far_matches(got_lse, expected.lse, {4e-6, 1e-6})) << "the log-sum-exp" << far.explain(wrapped);
  EXPECT_TRUE(far_matches(got, expected.losses, {4e-6, 1e-6})) << "the loss" << far.explain(false);
}

TEST_P(CrossEntropyForwardTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  DeviceBuffer<int> targets(16);
  float* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, targets.data(), p, p, 0, 1, nullptr), Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(p, targets.data(), p, p, 1, 0, nullptr), Error, "v = 0");
  expect_bad_pointers_named({"logits", "targets", "losses", "lse"}, p, targets.data(), p, p, 1, 1, nullptr);
}

class CrossEntropyBackwardTest : public ImplementationTest<CrossEntropyBackward> {
 protected:
  void expect_oracle(int n, int v, float dloss, std::size_t misalign = 0, bool in_place = false) {
    SCOPED_TRACE(testing::Message() << "N " << n << ", V " << v);
    const auto logits = random_normal(area(n, v), 1, 0.0f, 3.0f);
    const auto targets = random_targets(n, v, 2);
    const Vector exact_lse = cross_entropy_oracle(to_double(logits), targets).lse;
    const std::vector<float> lse(exact_lse.begin(), exact_lse.end());
    auto device_logits = in_place ? GuardedBuffer<float>::inout(logits, misalign)
                                  : GuardedBuffer<float>::input(logits, misalign);
    auto device_targets = GuardedBuffer<int>::input(targets, misalign);
    auto device_lse = GuardedBuffer<float>::input(lse, misalign);
    auto apart = GuardedBuffer<float>::output(area(n, v), misalign);
    auto& dlogits = in_place ? device_logits : apart;
    run(device_logits.data(), device_targets.data(), device_lse.data(), dlogits.data(), dloss, n, v, nullptr);
    const auto scale = static_cast<double>(dloss);
    const Vector expected = cross_entropy_backward_oracle(to_double(logits), targets, to_double(lse), scale);
    const Tolerance tolerance = {1e-7, 1e-5};
    const std::vector<float> got = dlogits.download();
    EXPECT_TRUE(matches(got, expected, tolerance, {{n, v}}))
        << "dlogits\n"
        << explain_dlogits(got, to_double(logits), targets, to_double(lse), scale, tolerance);
    EXPECT_TRUE(device_logits.check("logits"));
    EXPECT_TRUE(device_targets.check("targets"));
    EXPECT_TRUE(device_lse.check("lse"));
    EXPECT_TRUE(dlogits.check("dlogits"));
  }
};

TEST_P(CrossEntropyBackwardTest, PullsProbabilitiesToTheTarget) {
  expect_oracle(5, 300, 1.0f);
}

TEST_P(CrossEntropyBackwardTest, ScalesByTheLossGradient) {
  expect_oracle(5, 300, 0.2f);
}

TEST_P(CrossEntropyBackwardTest, AgreesWithTheOracle) {
  for (const auto& [n, v] : kSizes) expect_oracle(n, v, 1.0f / static_cast<float>(n));
}

TEST_P(CrossEntropyBackwardTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) expect_oracle(3, 260, 0.5f, misalign);
}

TEST_P(CrossEntropyBackwardTest, MayOverwriteTheLogits) {
  expect_oracle(33, 1000, 1.0f, 0, true);
  expect_oracle(2, 4099, 1.0f, 0, true);
}

TEST_P(CrossEntropyBackwardTest, CountsPastTwoToThe31) {
  if (const std::string why = FarRows::lacking(implementation().name); !why.empty()) GTEST_SKIP() << why;
  const FarRows far;
  const auto n = static_cast<std::size_t>(far.n());
  const Vector last = to_double(far.last_row), exact_lse = cross_entropy_oracle(last, {7}).lse;
  const DeviceBuffer<int> targets(std::vector<int>(n, 7));
  const DeviceBuffer<float> lse(std::vector<float>(n, static_cast<float>(exact_lse[0])));
  far.run([&] { run(far.x(), targets.data(), lse.data(), far.y(), 0.5f, far.n(), far.kC, nullptr); });
  EXPECT_TRUE(
      far_matches(far.last_of_y(), cross_entropy_backward_oracle(last, {7}, exact_lse, 0.5), {1e-7, 1e-5}))
      << far.explain(false);
}

TEST_P(CrossEntropyBackwardTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  DeviceBuffer<int> targets(16);
  float* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, targets.data(), p, p, 1.0f, -1, 1, nullptr), Error, "n = -1");
  EXPECT_THROW_MESSAGE(run(p, targets.data(), p, p, 1.0f, 1, 0, nullptr), Error, "v = 0");
  expect_bad_pointers_named({"logits", "targets", "lse", "dlogits"}, p, targets.data(), p, p, 1.0f, 1, 1,
                            nullptr);
}

TEST(CrossEntropyOracle, GradientIsThatOfTheForwardPass) {
  const int n = 4, v = 7;
  const Vector logits = to_double(random_normal(area(n, v), 1));
  const std::vector<int> targets = random_targets(n, v, 2);
  const auto mean = [&](std::span<const double> x) {
    double sum = 0.0;
    for (const double loss : cross_entropy_oracle(x, targets).losses) sum += loss;
    return sum / n;
  };
  const Vector lse = cross_entropy_oracle(logits, targets).lse;
  EXPECT_TRUE(gradient_matches(mean, logits, cross_entropy_backward_oracle(logits, targets, lse, 1.0 / n),
                               {1e-9, 1e-6}));
}

WB_TEST_IMPLEMENTATIONS(CrossEntropyForwardTest, CrossEntropyForward);
WB_TEST_IMPLEMENTATIONS(CrossEntropyBackwardTest, CrossEntropyBackward);

}  // namespace
}  // namespace wb
