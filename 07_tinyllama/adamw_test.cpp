// AdamW against the formula in double, over several steps.
#include "07_tinyllama/adamw.h"

#include <cmath>
#include <vector>

#include "common/harness/implementation_test.h"

namespace wb {
namespace {

struct Oracle {
  std::vector<double> p, m, v;

  void step(const std::vector<float>& gradients, const AdamWConfig& config, int step) {
    // The factors as the float configuration has them: 0.999f is not 0.999.
    const double b1 = config.beta1, b2 = config.beta2, lr = config.learning_rate;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double g = gradients[i];
      p[i] -= lr * config.weight_decay * p[i];
      m[i] = b1 * m[i] + (1.0 - b1) * g;
      v[i] = b2 * v[i] + (1.0 - b2) * g * g;
      const double first = m[i] / (1.0 - std::pow(b1, step));
      const double second = v[i] / (1.0 - std::pow(b2, step));
      p[i] -= lr * first / (std::sqrt(second) + config.epsilon);
    }
  }
};

class AdamWTest : public ImplementationTest<AdamW> {
 protected:
  void expect_oracle(std::size_t n, const AdamWConfig& config, int steps, std::size_t misalign = 0) {
    const auto parameters = random_normal(n, 1);
    auto p = GuardedBuffer<float>::inout(parameters, misalign);
    auto m = GuardedBuffer<float>::inout(std::vector<float>(n, 0.0f), misalign);
    auto v = GuardedBuffer<float>::inout(std::vector<float>(n, 0.0f), misalign);
    Oracle oracle = {to_double(parameters), std::vector<double>(n), std::vector<double>(n)};
    for (int step = 1; step <= steps; ++step) {
      // Gradients of very different sizes: AdamW must scale them away.
      auto gradients = random_normal(n, 100 + static_cast<std::uint64_t>(step));
      for (std::size_t i = 0; i < n; ++i) gradients[i] *= std::pow(10.0f, static_cast<float>(i % 7) - 5.0f);
      auto g = GuardedBuffer<float>::input(gradients, misalign);
      run(p.data(), g.data(), m.data(), v.data(), static_cast<std::int64_t>(n), config, step, nullptr);
      oracle.step(gradients, config, step);
      EXPECT_TRUE(g.check("gradients"));
    }
    const std::vector<std::int64_t> dims = {static_cast<std::int64_t>(n)};
    // A step rounds a parameter twice: after the decay and after the update.
    EXPECT_TRUE(matches(p.download(), oracle.p, {1e-6, 1e-6 + 1.2e-7 * steps}, {dims, 0, parameters}));
    EXPECT_TRUE(matches(m.download(), oracle.m, {1e-7, 1e-5}, {dims}));
    EXPECT_TRUE(matches(v.download(), oracle.v, {1e-9, 1e-5}, {dims}));
    EXPECT_TRUE(p.check("parameters"));
    EXPECT_TRUE(m.check("m"));
    EXPECT_TRUE(v.check("v"));
  }
};

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
}

// Padding between the tensors of an arena must stay what it is.
TEST_P(AdamWTest, LeavesZerosAlone) {
  const std::size_t n = 100;
  auto p = GuardedBuffer<float>::inout(std::vector<float>(n, 0.0f));
  auto g = GuardedBuffer<float>::input(std::vector<float>(n, 0.0f));
  auto m = GuardedBuffer<float>::inout(std::vector<float>(n, 0.0f));
  auto v = GuardedBuffer<float>::inout(std::vector<float>(n, 0.0f));
  run(p.data(), g.data(), m.data(), v.data(), static_cast<std::int64_t>(n), AdamWConfig{}, 1, nullptr);
  EXPECT_EQ(p.download(), std::vector<float>(n, 0.0f));
  EXPECT_EQ(v.download(), std::vector<float>(n, 0.0f));
}

TEST_P(AdamWTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  float* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, p, p, p, -1, AdamWConfig{}, 1, nullptr), Error, "n = -1");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, 1, AdamWConfig{}, 0, nullptr), Error, "step = 0");
  EXPECT_THROW_MESSAGE(run(p, nullptr, p, p, 1, AdamWConfig{}, 1, nullptr), Error, "gradients");
  EXPECT_NO_THROW(run(nullptr, nullptr, nullptr, nullptr, 0, AdamWConfig{}, 1, nullptr));
}

WB_TEST_IMPLEMENTATIONS(AdamWTest, AdamW);

}  // namespace
}  // namespace wb
