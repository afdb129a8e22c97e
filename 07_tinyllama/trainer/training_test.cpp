// Training: PyTorch's loss curve, overfitting one batch, and what a step must not do.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/testing/model_golden.h"
#include "07_tinyllama/trainer/trainer.h"
#include "common/harness/implementation_test.h"
#include "common/harness/sanitizer.h"

namespace wb {
namespace {

constexpr ModelConfig kTiny = {.c = 32, .l = 2, .h = 4, .k = 2, .f = 64, .v = 64, .b = 2, .t = 16};

std::vector<int> random_ids(const ModelConfig& config, std::uint64_t seed) {
  return random_below(static_cast<std::size_t>(config.tokens()), seed, config.v);
}

Data one_batch(const ModelConfig& config) {
  return Data::fixed(config, random_ids(config, 1), random_ids(config, 2));
}

// Prints what was measured, so that a pass also says by how much.
class TrainingTest : public testing::Test {
 public:
  static void TearDownTestSuite() {
    for (const std::string& figure : figures_) std::printf("  %s\n", figure.c_str());
  }

 protected:
  inline static std::vector<std::string> figures_;
};

TEST_F(TrainingTest, LossCurveAgreesWithPyTorch) {
  const ModelGolden golden;
  const std::vector<double> expected = golden.curve();
  ASSERT_EQ(expected.size(), 20u);
  double worst = 0.0;
  for (const KvLayout layout : {KvLayout::kContiguous, KvLayout::kStridedView}) {
    for (const char* kernels : {"auto", "swiglu=naive,attention=materialized,rmsnorm=unfused"}) {
      SCOPED_TRACE(testing::Message() << name_of(layout) << ", " << kernels);
      Trainer trainer({.config = golden.config(),
                       .kernels = select_kernels(kernels),
                       .kv_layout = layout,
                       .adamw = golden.adamw(),
                       .max_steps = 20},
                      Data::fixed(golden.config(), golden.tokens(), golden.targets()));
      golden.load_weights(trainer.model().parameters());
      trainer.train(20);
      const std::vector<float> losses = trainer.losses();
      ASSERT_EQ(losses.size(), expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const double error = std::abs(static_cast<double>(losses[i]) / expected[i] - 1.0);
        EXPECT_TRUE(error <= 1e-3) << "step " << i << ": loss " << losses[i] << ", PyTorch " << expected[i];
        if (!(error <= worst)) worst = error;
      }
    }
  }
  figures_.push_back(fmt::format("worst loss of the curve: relative error {:.2e}", worst));
}

TEST_F(TrainingTest, OverfitsOneBatch) {
  if (under_sanitizer()) GTEST_SKIP() << "the kernels of the tests around it, for minutes";
  constexpr int kSteps = 120;
  Trainer trainer({.config = kTiny,
                   .kernels = select_kernels("auto"),
                   .adamw = {.learning_rate = 1e-2f},
                   .max_steps = kSteps},
                  one_batch(kTiny));
  trainer.train(kSteps);
  const std::vector<float> losses = trainer.losses();
  EXPECT_NEAR(losses.front(), std::log(kTiny.v), 0.05 * std::log(kTiny.v));
  EXPECT_TRUE(losses.back() < 0.05f) << "loss " << losses.back() << " after " << kSteps << " steps";
  figures_.push_back(fmt::format("overfitting one batch: loss {:.4f} -> {:.4f} in {} steps", losses.front(),
                                 losses.back(), kSteps));
}

// Both layouts and every implementation train the same model.
TEST_F(TrainingTest, ComponentsAgree) {
  const auto train = [](KvLayout layout, const char* kernels) {
    Trainer trainer(
        {.config = kTiny, .kernels = select_kernels(kernels), .kv_layout = layout, .max_steps = 5},
        Data::random(kTiny, 3));
    trainer.train(5);
    return trainer.losses();
  };
  const std::vector<float> reference = train(KvLayout::kContiguous, "auto");
  for (const char* kernels : {"solution", "swiglu=naive", "attention=materialized"}) {
    const std::vector<float> losses = train(KvLayout::kStridedView, kernels);
    for (std::size_t i = 0; i < reference.size(); ++i) EXPECT_NEAR(losses[i], reference[i], 1e-4) << kernels;
  }
}

TEST_F(TrainingTest, SameSeedSameRun) {
  const auto train = [](std::uint64_t seed) {
    Trainer trainer({.config = kTiny, .kernels = select_kernels("auto"), .seed = seed, .max_steps = 3},
                    Data::random(kTiny, seed));
    trainer.train(3);
    return trainer.losses();
  };
  EXPECT_EQ(train(1), train(1));
  EXPECT_NE(train(1), train(2));
}

// The tied head turns a N(0, 1) embedding into logits of order C.
TEST_F(TrainingTest, BrokenInitShowsInTheFirstLoss) {
  ModelConfig config = kTiny;
  config.c = 128;
  config.h = 4;
  const auto first_loss = [&](Init init) {
    Trainer trainer({.config = config, .kernels = select_kernels("auto"), .init = init},
                    Data::random(config, 1));
    trainer.forward();
    return trainer.losses().at(0);
  };
  EXPECT_NEAR(first_loss(Init::kFixed), std::log(config.v), 0.05 * std::log(config.v));
  EXPECT_TRUE(first_loss(Init::kBroken) > 5.0 * std::log(config.v));
}

TEST_F(TrainingTest, AllMemoryIsAllocatedUpFrontAndAccountedFor) {
  const std::size_t before = device_memory_use().current;
  const TrainerOptions options = {.config = kTiny, .kernels = select_kernels("auto"), .max_steps = 7};
  Trainer trainer(options, Data::random(kTiny, 1));
  Model& model = trainer.model();
  const std::size_t parameters = model.parameters().bytes();
  const std::size_t batch = static_cast<std::size_t>(kTiny.tokens()) * sizeof(int);
  const std::size_t rope = static_cast<std::size_t>(kTiny.t * kTiny.d()) * sizeof(float);
  const std::size_t expected =
      4 * parameters + model.activations().bytes() + rope + 2 * batch + 7 * sizeof(float);  // p, g, m, v
  EXPECT_EQ(device_memory_use().current - before, expected);
  EXPECT_EQ(Trainer::bytes_needed(options), expected);
  EXPECT_EQ(model.gradients().bytes(), parameters);

  reset_peak_device_memory();
  trainer.train(2);
  trainer.synchronize();
  EXPECT_EQ(device_memory_use().peak - before, expected);
}

// A step only enqueues: it returns although the stream is held up. If it waited, the hold would run into its
// time limit.
TEST_F(TrainingTest, AStepNeverWaitsForTheDevice) {
  if (sanitizer() == "initcheck") GTEST_SKIP() << "initcheck itself waits after a launch";
  struct Hold {
    std::mutex mutex;
    std::condition_variable released_changed;
    bool released = false;
    bool was_released = false;
  } hold;
  Trainer trainer({.config = kTiny, .kernels = select_kernels("auto")}, Data::random(kTiny, 1));
  WB_CUDA_CHECK(cudaLaunchHostFunc(
      nullptr,
      [](void* argument) {
        Hold& h = *static_cast<Hold*>(argument);
        std::unique_lock lock(h.mutex);
        h.was_released =
            h.released_changed.wait_for(lock, std::chrono::seconds(20), [&] { return h.released; });
      },
      &hold));
  trainer.step();
  {
    const std::lock_guard lock(hold.mutex);
    hold.released = true;
  }
  hold.released_changed.notify_all();
  EXPECT_EQ(trainer.losses().size(), 1u);
  EXPECT_TRUE(hold.was_released);
}

TEST_F(TrainingTest, PhasesComeInOrder) {
  Trainer trainer({.config = kTiny, .kernels = select_kernels("auto"), .max_steps = 1},
                  Data::random(kTiny, 1));
  EXPECT_THROW_MESSAGE(trainer.backward(), Error, "backward was called, but forward is next");
  trainer.forward();
  EXPECT_THROW_MESSAGE(trainer.forward(), Error, "backward is next");
  trainer.backward();
  trainer.optimizer_step();
  EXPECT_EQ(trainer.steps_done(), 1);
  EXPECT_THROW_MESSAGE(trainer.step(), Error, "all 1 steps are done");
}

TEST_F(TrainingTest, RefusesWhatCannotBeTrained) {
  ModelConfig config = kTiny;
  config.b = 0;
  const KernelSet kernels = select_kernels("auto");
  EXPECT_THROW_MESSAGE(Trainer({.config = config, .kernels = kernels}, Data::random(kTiny, 1)), Error,
                       "batch size B is 0");
  EXPECT_THROW_MESSAGE(Trainer({.config = kTiny, .kernels = kernels, .max_steps = 0}, Data::random(kTiny, 1)),
                       Error, "max_steps = 0");
  EXPECT_THROW_MESSAGE(Trainer({.config = kTiny}, Data::random(kTiny, 1)), Error, "no kernels were chosen");

  ModelConfig longer = kTiny;
  longer.t = 17;
  EXPECT_THROW_MESSAGE(Trainer({.config = kTiny, .kernels = kernels}, Data::random(longer, 1)), Error,
                       "made for 2 x 17 tokens");

  ModelConfig huge = preset("tinyllama");
  huge.b = 4096;
  const std::size_t before = device_memory_use().current;
  EXPECT_THROW_MESSAGE(Trainer({.config = huge, .kernels = kernels}, Data::random(huge, 1)), Error,
                       "choose a smaller preset, batch or sequence");
  EXPECT_EQ(device_memory_use().current, before);
}

}  // namespace
}  // namespace wb
