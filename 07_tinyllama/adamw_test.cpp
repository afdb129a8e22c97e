// Tests of adamw, in the order of the lesson's steps: the untouched starter fails at the first.
#include "07_tinyllama/adamw.h"

#include <cmath>
#include <vector>

#include "07_tinyllama/testing/adamw_oracle.h"
#include "common/harness/far_array.h"
#include "common/harness/far_matches.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

// Gradients of very different sizes: AdamW must scale them away.
std::vector<float> gradients_of_all_sizes(std::size_t n, std::uint64_t seed) {
  std::vector<float> gradients = random_normal(n, seed);
  for (std::size_t i = 0; i < n; ++i) gradients[i] *= std::pow(10.0f, static_cast<float>(i % 7) - 5.0f);
  return gradients;
}

class AdamWTest : public ImplementationTest<AdamW> {
 protected:
  struct State {
    std::vector<float> p, m, v;
  };

  // `steps` steps, checked at the end.
  void expect_oracle(std::size_t n, const AdamWConfig& config, int steps, std::size_t misalign = 0) {
    const auto parameters = random_normal(n, 1);
    auto p = GuardedBuffer<float>::inout(parameters, misalign);
    auto m = GuardedBuffer<float>::inout(std::vector<float>(n, 0.0f), misalign);
    auto v = GuardedBuffer<float>::inout(std::vector<float>(n, 0.0f), misalign);
    AdamWOracle oracle(parameters);
    for (int step = 1; step <= steps; ++step) {
      const auto gradients = gradients_of_all_sizes(n, 100 + static_cast<std::uint64_t>(step));
      auto g = GuardedBuffer<float>::input(gradients, misalign);
      run(p.data(), g.data(), m.data(), v.data(), static_cast<std::int64_t>(n), config, step, nullptr);
      oracle.step(gradients, config, step);
      EXPECT_TRUE(g.check("gradients"));
    }
    const std::vector<std::int64_t> dims = {static_cast<std::int64_t>(n)};
    // A step rounds a parameter twice: after the decay and after the update.
    EXPECT_TRUE(matches(p.download(), oracle.p, {1e-6, 1e-6 + 1.2e-7 * steps}, {dims, 0, parameters}))
        << "the parameters";
    EXPECT_TRUE(matches(m.download(), oracle.m, {1e-7, 1e-5}, {dims})) << "the average gradient";
    EXPECT_TRUE(matches(v.download(), oracle.v, {1e-9, 1e-5}, {dims})) << "the average square";
    EXPECT_TRUE(p.check("parameters"));
    EXPECT_TRUE(m.check("m"));
    EXPECT_TRUE(v.check("v"));
  }

  // One step from m = v = 0, called step number `step`.
  State one_step(const std::vector<float>& parameters, const std::vector<float>& gradients,
                 const AdamWConfig& config, int step) {
    const std::size_t n = parameters.size();
    auto p = GuardedBuffer<float>::inout(parameters);
    auto g = GuardedBuffer<float>::input(gradients);
    auto m = GuardedBuffer<float>::inout(std::vector<float>(n, 0.0f));
    auto v = GuardedBuffer<float>::inout(std::vector<float>(n, 0.0f));
    run(p.data(), g.data(), m.data(), v.data(), static_cast<std::int64_t>(n), config, step, nullptr);
    return {p.download(), m.download(), v.download()};
  }

  // The parameters after one step, with a name for what is wrong with them.
  void expect_step(const std::vector<float>& parameters, const std::vector<float>& gradients,
                   const AdamWConfig& config, int step) {
    SCOPED_TRACE(testing::Message() << "step " << step);
    const std::vector<float> got = one_step(parameters, gradients, config, step).p;
    AdamWOracle oracle(parameters);
    oracle.step(gradients, config, step);
    const Tolerance tolerance = {1e-6, 1e-6};
    EXPECT_TRUE(matches(got, oracle.p, tolerance, {{static_cast<std::int64_t>(got.size())}, 0, parameters}))
        << "the parameters\n"
        << explain_adamw(got, parameters, gradients, config, step, tolerance);
  }
};

TEST_P(AdamWTest, AveragesGradientsAndSquares) {
  const std::vector<float> gradients = random_normal(256, 2);
  const AdamWConfig config;
  const State got = one_step(random_normal(256, 1), gradients, config, 1);
  AdamWOracle oracle(random_normal(256, 1));
  oracle.step(gradients, config, 1);
  EXPECT_TRUE(matches(got.m, oracle.m, {1e-9, 1e-5})) << "the average gradient";
  EXPECT_TRUE(matches(got.v, oracle.v, {1e-12, 1e-5})) << "the average square";
}

// Whatever the gradient's size, a first step is as long as the learning rate.
TEST_P(AdamWTest, StepsByTheLearningRate) {
  const AdamWConfig config = {.learning_rate = 0.125f, .weight_decay = 0.0f};
  expect_step(random_normal(256, 1), gradients_of_all_sizes(256, 2), config, 1);
}

TEST_P(AdamWTest, CorrectsTheBiasOfEveryStep) {
  const AdamWConfig config = {.learning_rate = 0.125f, .weight_decay = 0.0f};
  for (const int step : {2, 7, 1000}) expect_step(random_normal(256, 1), random_normal(256, 2), config, step);
}

TEST_P(AdamWTest, AddsEpsilonToTheRoot) {
  const AdamWConfig config = {.learning_rate = 0.125f, .epsilon = 0.01f, .weight_decay = 0.0f};
  expect_step(random_normal(256, 1), random_normal(256, 2, 0.0f, 0.1f), config, 3);
}

TEST_P(AdamWTest, DecaysTheParameters) {
  const AdamWConfig config = {.learning_rate = 0.125f, .weight_decay = 0.25f};
  expect_step(random_normal(256, 1), random_normal(256, 2), config, 3);
}

TEST_P(AdamWTest, AgreesWithTheOracleAtEverySize) {
  for (const int n : edge_sizes()) {
    SCOPED_TRACE(testing::Message() << "n " << n);
    expect_oracle(static_cast<std::size_t>(n), {.learning_rate = 1e-2f}, 3);
  }
}

TEST_P(AdamWTest, FollowsALongRunAndAnotherConfiguration) {
  expect_oracle(1000, {.learning_rate = 1e-2f}, 50);
  expect_oracle(
      777, {.learning_rate = 5e-3f, .beta1 = 0.8f, .beta2 = 0.95f, .epsilon = 1e-6f, .weight_decay = 0.2f},
      10);
}

TEST_P(AdamWTest, TakesAnyAlignment) {
  expect_oracle(1001, {.learning_rate = 1e-2f}, 2, 1);
  expect_oracle(1000, {.learning_rate = 1e-2f}, 2, 2);
}

// A gradient that is no number must show.
TEST_P(AdamWTest, KeepsNan) {
  std::vector<float> gradients = random_normal(100, 2);
  gradients[7] = std::nanf("");
  const State got = one_step(random_normal(100, 1), gradients, AdamWConfig{}, 1);
  for (std::size_t i = 0; i < got.p.size(); ++i) {
    EXPECT_EQ(std::isnan(got.p[i]), i == 7) << "parameter " << i;
    EXPECT_EQ(std::isnan(got.m[i]), i == 7) << "the average gradient " << i;
  }
}

// Padding between the tensors of an arena must stay what it is.
TEST_P(AdamWTest, LeavesZerosAlone) {
  const std::vector<float> zeros(100, 0.0f);
  const State got = one_step(zeros, zeros, AdamWConfig{}, 1);
  EXPECT_EQ(got.p, zeros);
  EXPECT_EQ(got.v, zeros);
}

// An arena of more than 2^31 parameters: the last of them.
TEST_P(AdamWTest, CountsPastTwoToThe31) {
  if (const std::string why = FarArray::lacking(4, implementation().name); !why.empty()) GTEST_SKIP() << why;
  const auto parameters = random_normal(FarArray::kSeen, 1), gradients = random_normal(FarArray::kSeen, 2);
  const FarArray p(parameters), g(gradients), m, v;
  const AdamWConfig config = {.learning_rate = 0.125f};
  run_far(FarArray::size(),
          [&] { run(p.data(), g.data(), m.data(), v.data(), FarArray::size(), config, 1, nullptr); });
  AdamWOracle oracle(parameters);
  oracle.step(gradients, config, 1);
  EXPECT_TRUE(far_matches(p.last(), oracle.p, {1e-6, 1e-6})) << FarArray::explain();
  EXPECT_TRUE(far_matches(v.last(), oracle.v, {1e-9, 1e-5})) << FarArray::explain();
}

TEST_P(AdamWTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  float* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, p, p, p, -1, AdamWConfig{}, 1, nullptr), Error, "n = -1");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, 1, AdamWConfig{}, 0, nullptr), Error, "step = 0");
  expect_bad_pointers_named({"parameters", "gradients", "m", "v"}, p, p, p, p, 1, AdamWConfig{}, 1, nullptr);
  EXPECT_NO_THROW(run(nullptr, nullptr, nullptr, nullptr, 0, AdamWConfig{}, 1, nullptr));
}

WB_TEST_IMPLEMENTATIONS(AdamWTest, AdamW);

}  // namespace
}  // namespace wb
