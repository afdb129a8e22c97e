// What a model says before it has learned anything.
#include "07_tinyllama/fixits/fix_init.h"

#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "07_tinyllama/trainer/trainer.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

constexpr ModelConfig kConfig = {.c = 128, .l = 2, .h = 4, .k = 2, .f = 256, .v = 500, .b = 2, .t = 32};

struct Moments {
  double mean = 0.0;
  double deviation = 0.0;
};

Moments moments_of(const std::vector<float>& values) {
  const double n = static_cast<double>(values.size());
  Moments m;
  for (const float value : values) m.mean += static_cast<double>(value) / n;
  for (const float value : values)
    m.deviation += (static_cast<double>(value) - m.mean) * (static_cast<double>(value) - m.mean) / n;
  m.deviation = std::sqrt(m.deviation);
  return m;
}

class InitializeTest : public ImplementationTest<InitializeParameters> {
 protected:
  // A trainer on random tokens, its parameters filled by the implementation under test.
  std::unique_ptr<Trainer> started() {
    auto trainer = std::make_unique<Trainer>(TrainerOptions{.config = kConfig,
                                                            .kernels = select_kernels("auto"),
                                                            .adamw = {.learning_rate = 1e-2f},
                                                            .max_steps = 50},
                                             one_batch());
    run(trainer->model().parameters(), 1);
    return trainer;
  }

  static Data one_batch() {
    const auto tokens = static_cast<std::size_t>(kConfig.tokens());
    return Data::fixed(kConfig, random_below(tokens, 7, kConfig.v), random_below(tokens, 8, kConfig.v));
  }
};

TEST_P(InitializeTest, FirstLossIsThatOfAGuess) {
  const auto trainer = started();
  trainer->forward();
  const double loss = static_cast<double>(trainer->last_loss());
  const double guess = std::log(kConfig.v);
  EXPECT_TRUE(std::abs(loss - guess) <= 0.1 * guess) << fmt::format(
      "the first loss is {:.2f}. An untrained model should give each of {} tokens about the same "
      "probability, "
      "and its loss should be ln {} = {:.2f}: this model gives wrong tokens a high probability",
      loss, kConfig.v, kConfig.v, guess);
}

TEST_P(InitializeTest, LogitsHaveNoOpinionYet) {
  const auto trainer = started();
  trainer->forward();
  const Moments logits = moments_of(trainer->model().activations().download("logits"));
  EXPECT_TRUE(logits.deviation < 1.0) << fmt::format(
      "the logits have mean {:.3f} and standard deviation {:.3f}: a token two deviations above the mean is "
      "{:.3g} times as likely as one at the mean",
      logits.mean, logits.deviation, std::exp(2.0 * logits.deviation));
  EXPECT_TRUE(logits.deviation > 1e-3) << fmt::format(
      "the logits have standard deviation {:.3g}: if all logits are equal, the gradients are equal, too",
      logits.deviation);
}

TEST_P(InitializeTest, LossFallsAtOnce) {
  const auto trainer = started();
  trainer->train(30);
  const std::vector<float> losses = trainer->losses();
  EXPECT_TRUE(losses.back() < 0.5f * losses.front() && losses.back() < std::log(kConfig.v))
      << fmt::format("30 steps on one batch: loss {:.2f} -> {:.2f}", losses.front(), losses.back());
}

TEST_P(InitializeTest, NormsStartAsOnesAndMatricesAtRandom) {
  Arena parameters(parameter_table(kConfig));
  run(parameters, 1);
  std::vector<float> last;
  for (const TensorEntry& entry : parameters.table().entries()) {
    const std::vector<float> values = parameters.download(entry.name);
    const Moments m = moments_of(values);
    if (entry.shape.size() == 1) {
      EXPECT_EQ(m.mean, 1.0) << entry.name;
      EXPECT_EQ(m.deviation, 0.0) << entry.name;
      continue;
    }
    EXPECT_NEAR(m.mean, 0.0, 0.1 * m.deviation) << entry.name;
    EXPECT_GT(m.deviation, 0.0) << entry.name << ": equal values get equal gradients, for ever";
    EXPECT_NE(values, last) << entry.name << " starts like the tensor before it";
    last = values;
  }
}

TEST_P(InitializeTest, SameSeedSameParameters) {
  const auto made = [this](std::uint64_t seed) {
    Arena parameters(parameter_table(kConfig));
    run(parameters, seed);
    return parameters.download();
  };
  EXPECT_EQ(made(1), made(1));
  EXPECT_NE(made(1), made(2));
}

WB_TEST_IMPLEMENTATIONS(InitializeTest, InitializeParameters);

}  // namespace
}  // namespace wb
