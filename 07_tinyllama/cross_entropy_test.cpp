// Cross entropy against a plain loop in double, and that loop's gradient against central differences.
#include "07_tinyllama/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "common/harness/implementation_test.h"

namespace wb {
namespace {

using Vector = std::vector<double>;

std::size_t size_of(int n, int v) {
  return static_cast<std::size_t>(n) * static_cast<std::size_t>(v);
}

std::vector<int> random_targets(int n, int v, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<int> targets(static_cast<std::size_t>(n));
  for (int& target : targets) target = static_cast<int>(rng.below(static_cast<std::uint64_t>(v)));
  targets.front() = v - 1;
  return targets;
}

struct Oracle {
  Vector losses, lse;
};

Oracle oracle_forward(int n, int v, std::span<const double> logits, const std::vector<int>& targets) {
  Oracle result;
  for (int i = 0; i < n; ++i) {
    const auto row = logits.subspan(size_of(i, v), static_cast<std::size_t>(v));
    const double maximum = *std::max_element(row.begin(), row.end());
    double sum = 0.0;
    for (const double logit : row) sum += std::exp(logit - maximum);
    result.lse.push_back(maximum + std::log(sum));
    result.losses.push_back(result.lse.back() -
                            row[static_cast<std::size_t>(targets[static_cast<std::size_t>(i)])]);
  }
  return result;
}

Vector oracle_backward(int n, int v, const Vector& logits, const std::vector<int>& targets, const Vector& lse,
                       double dloss) {
  Vector dlogits(size_of(n, v));
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < v; ++j) {
      const std::size_t at = size_of(i, v) + static_cast<std::size_t>(j);
      const double probability = std::exp(logits[at] - lse[static_cast<std::size_t>(i)]);
      dlogits[at] = dloss * (probability - (targets[static_cast<std::size_t>(i)] == j ? 1.0 : 0.0));
    }
  }
  return dlogits;
}

const std::vector<std::pair<int, int>> kSizes = {{1, 1},   {1, 2},    {3, 31},   {9, 32},
                                                 {17, 33}, {8, 1000}, {65, 257}, {5, 4099}};

class CrossEntropyForwardTest : public ImplementationTest<CrossEntropyForward> {
 protected:
  void expect_oracle(int n, int v, const std::vector<float>& logits, const Tolerance& tolerance) {
    const std::vector<int> targets = random_targets(n, v, 2);
    auto device_logits = GuardedBuffer<float>::input(logits);
    auto device_targets = GuardedBuffer<int>::input(targets);
    auto losses = GuardedBuffer<float>::output(static_cast<std::size_t>(n));
    auto lse = GuardedBuffer<float>::output(static_cast<std::size_t>(n));
    run(device_logits.data(), device_targets.data(), losses.data(), lse.data(), n, v, nullptr);
    const Oracle oracle = oracle_forward(n, v, to_double(logits), targets);
    EXPECT_TRUE(matches(lse.download(), oracle.lse, tolerance, {{n}}));
    EXPECT_TRUE(matches(losses.download(), oracle.losses, tolerance, {{n}}));
    EXPECT_TRUE(device_logits.check("logits"));
    EXPECT_TRUE(device_targets.check("targets"));
    EXPECT_TRUE(losses.check("losses"));
    EXPECT_TRUE(lse.check("lse"));
  }
};

TEST_P(CrossEntropyForwardTest, AgreesWithTheOracle) {
  for (const auto& [n, v] : kSizes) {
    SCOPED_TRACE(testing::Message() << "N " << n << ", V " << v);
    expect_oracle(n, v, random_normal(size_of(n, v), 1, 0.0f, 3.0f), {4e-6, 1e-6});
  }
}

// exp(500) is infinite in float: without the maximum subtracted the loss is NaN.
TEST_P(CrossEntropyForwardTest, SurvivesLargeLogits) {
  expect_oracle(9, 257, random_uniform(size_of(9, 257), 3, -1000.0f, 1000.0f), {2e-4, 1e-6});
  expect_oracle(9, 257, random_uniform(size_of(9, 257), 4, -2000.0f, -1900.0f), {3e-4, 1e-6});
}

TEST_P(CrossEntropyForwardTest, AcceptsMaskedLogits) {
  // -inf is a token that cannot come: here all but the last column, in which the first row's target lies.
  const int n = 1, v = 100;
  std::vector<float> logits(size_of(n, v), -std::numeric_limits<float>::infinity());
  logits.back() = 2.5f;
  expect_oracle(n, v, logits, {1e-6, 1e-6});
}

TEST_P(CrossEntropyForwardTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  DeviceBuffer<int> targets(16);
  float* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, targets.data(), p, p, 0, 1, nullptr), Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(p, targets.data(), p, p, 1, 0, nullptr), Error, "v = 0");
  EXPECT_THROW_MESSAGE(run(p, nullptr, p, p, 1, 1, nullptr), Error, "targets");
}

class CrossEntropyBackwardTest : public ImplementationTest<CrossEntropyBackward> {};

TEST_P(CrossEntropyBackwardTest, AgreesWithTheOracle) {
  for (const auto& [n, v] : kSizes) {
    SCOPED_TRACE(testing::Message() << "N " << n << ", V " << v);
    const auto logits = random_normal(size_of(n, v), 1, 0.0f, 3.0f);
    const auto targets = random_targets(n, v, 2);
    const Oracle forward = oracle_forward(n, v, to_double(logits), targets);
    const std::vector<float> lse(forward.lse.begin(), forward.lse.end());
    const float dloss = 1.0f / static_cast<float>(n);
    auto device_logits = GuardedBuffer<float>::input(logits);
    auto device_targets = GuardedBuffer<int>::input(targets);
    auto device_lse = GuardedBuffer<float>::input(lse);
    auto dlogits = GuardedBuffer<float>::output(size_of(n, v));
    run(device_logits.data(), device_targets.data(), device_lse.data(), dlogits.data(), dloss, n, v, nullptr);
    const Vector expected = oracle_backward(n, v, to_double(logits), targets, to_double(lse), dloss);
    EXPECT_TRUE(matches(dlogits.download(), expected, {1e-7, 1e-5}, {{n, v}}));
    EXPECT_TRUE(device_logits.check("logits"));
    EXPECT_TRUE(device_targets.check("targets"));
    EXPECT_TRUE(device_lse.check("lse"));
    EXPECT_TRUE(dlogits.check("dlogits"));
  }
}

TEST_P(CrossEntropyBackwardTest, MayOverwriteTheLogits) {
  const int n = 33, v = 1000;
  const auto logits = random_normal(size_of(n, v), 5);
  const auto targets = random_targets(n, v, 6);
  const Oracle forward = oracle_forward(n, v, to_double(logits), targets);
  const std::vector<float> lse(forward.lse.begin(), forward.lse.end());
  auto both = GuardedBuffer<float>::inout(logits);
  auto device_targets = GuardedBuffer<int>::input(targets);
  auto device_lse = GuardedBuffer<float>::input(lse);
  run(both.data(), device_targets.data(), device_lse.data(), both.data(), 1.0f, n, v, nullptr);
  const Vector expected = oracle_backward(n, v, to_double(logits), targets, to_double(lse), 1.0);
  EXPECT_TRUE(matches(both.download(), expected, {1e-7, 1e-5}, {{n, v}, 0, logits}));
  EXPECT_TRUE(both.check("logits and dlogits"));
}

TEST_P(CrossEntropyBackwardTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  DeviceBuffer<int> targets(16);
  float* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, targets.data(), p, p, 1.0f, -1, 1, nullptr), Error, "n = -1");
  EXPECT_THROW_MESSAGE(run(p, targets.data(), p, p, 1.0f, 1, 0, nullptr), Error, "v = 0");
  EXPECT_THROW_MESSAGE(run(p, targets.data(), nullptr, p, 1.0f, 1, 1, nullptr), Error, "lse");
}

TEST(CrossEntropyOracle, GradientIsThatOfTheForwardPass) {
  const int n = 4, v = 7;
  const Vector logits = to_double(random_normal(size_of(n, v), 1));
  const std::vector<int> targets = random_targets(n, v, 2);
  const auto mean = [&](std::span<const double> x) {
    double sum = 0.0;
    for (const double loss : oracle_forward(n, v, x, targets).losses) sum += loss;
    return sum / n;
  };
  const Vector lse = oracle_forward(n, v, logits, targets).lse;
  EXPECT_TRUE(
      gradient_matches(mean, logits, oracle_backward(n, v, logits, targets, lse, 1.0 / n), {1e-9, 1e-6}));
}

WB_TEST_IMPLEMENTATIONS(CrossEntropyForwardTest, CrossEntropyForward);
WB_TEST_IMPLEMENTATIONS(CrossEntropyBackwardTest, CrossEntropyBackward);

}  // namespace
}  // namespace wb
