// What turns gradients into a step: schedule, clipping, which rule moves which tensor, accumulation.
#include "07_tinyllama/trainer/optimizer.h"

#include <cmath>
#include <limits>

#include "07_tinyllama/testing/adamw_oracle.h"
#include "07_tinyllama/testing/muon_oracle.h"
#include "07_tinyllama/trainer/clip.h"
#include "07_tinyllama/trainer/not_finite.h"
#include "07_tinyllama/trainer/trainer.h"
#include "common/harness/guarded_buffer.h"
#include "common/harness/implementation_test.h"
#include "common/harness/sizes.h"

namespace wb {
namespace {

constexpr ModelConfig kTiny = {.c = 32, .l = 2, .h = 4, .k = 2, .f = 48, .v = 64, .b = 2, .t = 16};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// --- schedule

TEST(ScheduleTest, WarmsUpThenFallsAlongACosine) {
  const Schedule schedule = {.warmup_steps = 4, .decay_steps = 104, .minimum = 0.1};
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 0), 0.25);
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 3), 1.0);
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 4), 1.0);
  EXPECT_NEAR(schedule_factor(schedule, 54), 0.55, 1e-12);                               // half way
  EXPECT_NEAR(schedule_factor(schedule, 29), 0.1 + 0.45 * (1 + std::sqrt(0.5)), 1e-12);  // a quarter
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 104), 0.1);
  EXPECT_DOUBLE_EQ(schedule_factor(schedule, 100000), 0.1);
  for (int step = 4; step < 110; ++step) {
    EXPECT_LE(schedule_factor(schedule, step + 1), schedule_factor(schedule, step)) << step;
  }
}

TEST(ScheduleTest, IsConstantUnlessToldOtherwise) {
  for (const int step : {0, 1, 77, 1 << 30}) EXPECT_DOUBLE_EQ(schedule_factor({}, step), 1.0);
  EXPECT_DOUBLE_EQ(schedule_factor({.warmup_steps = 2}, 9), 1.0);
}

TEST(ScheduleTest, RefusesWhatIsNoSchedule) {
  EXPECT_THROW_MESSAGE(schedule_factor({}, -1), Error, "step = -1");
  EXPECT_THROW_MESSAGE(schedule_factor({.warmup_steps = -1}, 0), Error, "warmup_steps = -1");
  EXPECT_THROW_MESSAGE(schedule_factor({.warmup_steps = 9, .decay_steps = 8}, 0), Error, "decay_steps = 8");
  EXPECT_THROW_MESSAGE(schedule_factor({.decay_steps = 8, .minimum = 1.5}, 0), Error, "minimum = 1.5");
  EXPECT_THROW_MESSAGE(schedule_factor({.decay_steps = 8, .minimum = std::nan("")}, 0), Error, "minimum");
}

// --- clipping

struct Clipped {
  std::vector<float> gradients;
  float norm = 0.0f;
  float factor = 0.0f;
};

Clipped clip(const std::vector<float>& gradients, float max_norm) {
  const auto n = static_cast<std::int64_t>(gradients.size());
  auto device = GuardedBuffer<float>::inout(gradients);
  auto scratch = GuardedBuffer<float>::output(gradient_norm_scratch(n));
  auto norm = GuardedBuffer<float>::output(1), factor = GuardedBuffer<float>::output(1);
  gradient_norm(device.data(), scratch.data(), norm.data(), factor.data(), n, max_norm, nullptr);
  scale_gradients(device.data(), factor.data(), n, nullptr);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  EXPECT_TRUE(device.check("gradients"));
  EXPECT_TRUE(scratch.check("scratch"));
  EXPECT_TRUE(norm.check("norm"));
  EXPECT_TRUE(factor.check("factor"));
  return {device.download(), norm.download()[0], factor.download()[0]};
}

TEST(ClipTest, ScalesToTheNormAtEverySize) {
  std::vector<int> sizes = edge_sizes();
  sizes.insert(sizes.end(), {64 * 256 - 1, 64 * 256, 64 * 256 + 1, 1000003});
  for (const int n : sizes) {
    const std::vector<float> gradients = random_normal(static_cast<std::size_t>(n), 7, 0.1f, 2.0f);
    double squares = 0.0;
    for (const float g : gradients) squares += static_cast<double>(g) * g;
    const double norm = std::sqrt(squares);
    for (const double share : {0.25, 4.0}) {  // clipped, and left alone
      const auto limit = static_cast<float>(share * norm);
      const Clipped got = clip(gradients, limit);
      const double factor = std::min(1.0, static_cast<double>(limit) / norm);
      EXPECT_TRUE(std::abs(got.norm / norm - 1.0) <= 1e-5)
          << "n " << n << ": " << got.norm << ", not " << norm;
      std::vector<double> expected;
      for (const float g : gradients) expected.push_back(factor * g);
      EXPECT_TRUE(matches(got.gradients, expected, {1e-7, 2e-5})) << "n " << n << ", limit " << limit;
      if (share > 1.0) {
        EXPECT_EQ(got.gradients, gradients) << "n " << n;
      }
    }
  }
}

TEST(ClipTest, TheSameGradientsGiveTheSameBits) {
  const std::vector<float> gradients = random_normal(300007, 3);
  const Clipped first = clip(gradients, 1.0f);
  for (int i = 0; i < 3; ++i) {
    const Clipped again = clip(gradients, 1.0f);
    EXPECT_EQ(again.norm, first.norm);
    EXPECT_EQ(again.gradients, first.gradients);
  }
}

TEST(ClipTest, GradientsThatAreNotFiniteBecomeZero) {
  for (const float bad : {std::nanf(""), kInfinity, -kInfinity}) {
    for (const std::size_t place : {std::size_t{0}, std::size_t{998}, std::size_t{1000}}) {
      std::vector<float> gradients = random_normal(1001, 5);
      gradients[place] = bad;
      const Clipped got = clip(gradients, kInfinity);
      EXPECT_FALSE(std::isfinite(got.norm));
      EXPECT_EQ(got.gradients, std::vector<float>(1001, 0.0f));
    }
  }
}

TEST(ClipTest, RefusesWhatItCannotMeasure) {
  DeviceBuffer<float> g(8), s(512), one(1);
  EXPECT_THROW_MESSAGE(gradient_norm(g.data(), s.data(), one.data(), one.data(), 0, 1.0f, nullptr), Error,
                       "n = 0");
  EXPECT_THROW_MESSAGE(gradient_norm(g.data(), s.data(), one.data(), one.data(), 8, 0.0f, nullptr), Error,
                       "max_norm = 0");
  EXPECT_THROW_MESSAGE(gradient_norm(g.data(), s.data(), one.data(), one.data(), 8, std::nanf(""), nullptr),
                       Error, "max_norm = nan");
  EXPECT_THROW_MESSAGE(gradient_norm(g.data() + 1, s.data(), one.data(), one.data(), 4, 1.0f, nullptr), Error,
                       "gradients");
  EXPECT_THROW_MESSAGE(scale_gradients(nullptr, one.data(), 8, nullptr), Error, "gradients");
}

// --- the optimizer: every tensor against the oracle of its rule

void expect_rules(const OptimizerOptions& options) {
  const TensorTable table = parameter_table(kTiny);
  Arena parameters(table), gradients(table);
  Optimizer optimizer(options, table, select_kernels("auto"));
  std::map<std::string, AdamWOracle> adamw;
  std::map<std::string, MuonOracle> muon;
  std::uint64_t seed = 0;
  for (const TensorEntry& entry : table.entries()) {
    const auto values = random_normal(static_cast<std::size_t>(entry.elements()), ++seed);
    parameters.upload(entry.name, values);
    const bool hidden = entry.shape.size() == 2 && entry.name != "model.embed_tokens.weight";
    if (options.kind == OptimizerKind::kMuon && hidden) {
      muon[entry.name] = {.p = {values.begin(), values.end()},
                          .m = std::vector<double>(values.size()),
                          .r = static_cast<int>(entry.shape[0]),
                          .c = static_cast<int>(entry.shape[1])};
    } else {
      adamw.emplace(entry.name, AdamWOracle(values));
    }
  }
  for (int step = 1; step <= 3; ++step) {
    const double factor = schedule_factor(options.schedule, step - 1);
    for (const TensorEntry& entry : table.entries()) {
      const auto g = random_normal(static_cast<std::size_t>(entry.elements()), ++seed);
      gradients.upload(entry.name, g);
      if (muon.contains(entry.name)) {
        MuonConfig config = options.muon;
        config.learning_rate = static_cast<float>(config.learning_rate * factor);
        muon[entry.name].step(g, config);
      } else {
        AdamWConfig config = options.adamw;
        config.learning_rate = static_cast<float>(config.learning_rate * factor);
        if (!options.decay_norms && entry.shape.size() == 1) config.weight_decay = 0.0f;
        adamw.at(entry.name).step(g, config, step);
      }
    }
    optimizer.step(parameters, gradients, step, nullptr);
  }
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  for (const auto& [name, oracle] : adamw) {
    EXPECT_TRUE(matches(parameters.download(name), oracle.p, {1e-5, 1e-5})) << name;
  }
  for (const auto& [name, oracle] : muon) {
    EXPECT_TRUE(matches(parameters.download(name), oracle.p, {2e-3, 1e-3})) << name;
  }
}

TEST(OptimizerTest, AdamWMovesEveryTensor) {
  expect_rules({.adamw = {.learning_rate = 0.1f, .weight_decay = 0.5f},
                .schedule = {.warmup_steps = 2, .decay_steps = 4, .minimum = 0.1}});
}

TEST(OptimizerTest, NormWeightsDoNotDecayWhenToldSo) {
  expect_rules({.adamw = {.learning_rate = 0.1f, .weight_decay = 0.5f}, .decay_norms = false});
}

TEST(OptimizerTest, MuonMovesHiddenMatricesAndAdamWTheRest) {
  expect_rules({.kind = OptimizerKind::kMuon,
                .adamw = {.learning_rate = 0.1f, .weight_decay = 0.5f},
                .muon = {.learning_rate = 0.05f, .weight_decay = 0.3f},
                .decay_norms = false,
                .schedule = {.warmup_steps = 2}});
}

TEST(OptimizerTest, AccountsForItsMemory) {
  const TensorTable table = parameter_table(kTiny);
  for (const OptimizerKind kind : {OptimizerKind::kAdamW, OptimizerKind::kMuon}) {
    const OptimizerOptions options = {.kind = kind};
    const std::size_t before = device_memory_use().current;
    const Optimizer optimizer(options, table, select_kernels("auto"));
    EXPECT_EQ(device_memory_use().current - before, Optimizer::bytes_needed(options, table)) << name_of(kind);
  }
  EXPECT_THROW_MESSAGE(Optimizer({}, table, {}), Error, "no kernels were chosen");
}

// --- the trainer around it

TrainerOptions tiny_options() {
  return {.config = kTiny, .kernels = select_kernels("auto"), .max_steps = 8};
}

// Two batches of B sequences are one of 2 B: the same loss, gradients and step.
TEST(AccumulationTest, TwoBatchesMakeTheStepOfOneLargeBatch) {
  ModelConfig large = kTiny;
  large.b = 2 * kTiny.b;
  const std::vector<int> tokens = random_below(static_cast<std::size_t>(large.tokens()), 1, kTiny.v);
  const std::vector<int> targets = random_below(static_cast<std::size_t>(large.tokens()), 2, kTiny.v);
  TrainerOptions options = tiny_options();
  options.config = large;
  options.clip_norm = kInfinity;
  Trainer reference(options, Data::fixed(large, tokens, targets));
  reference.step();

  // The same sequences in two halves.
  Model accumulated(kTiny, options.kernels);
  initialize(accumulated.parameters(), Init::kFixed, 1);
  DeviceBuffer<float> loss(1);
  const auto half = static_cast<std::size_t>(kTiny.tokens());
  for (std::size_t i = 0; i < 2; ++i) {
    const DeviceBuffer<int> x(std::span<const int>(tokens).subspan(i * half, half));
    const DeviceBuffer<int> y(std::span<const int>(targets).subspan(i * half, half));
    accumulated.forward(x.data(), y.data(), loss.data());
    accumulated.backward(x.data(), y.data(), nullptr, 0.5f, i > 0);
    WB_CUDA_CHECK(cudaDeviceSynchronize());
  }
  const std::vector<float> expected = reference.model().gradients().download();
  const std::vector<float> got = accumulated.gradients().download();
  double squares = 0.0;
  for (const float g : expected) squares += static_cast<double>(g) * g;
  const double scale = std::sqrt(squares / static_cast<double>(expected.size()));
  EXPECT_TRUE(matches(got, std::vector<double>(expected.begin(), expected.end()), {1e-4 * scale, 1e-4}));
  EXPECT_TRUE(std::abs(reference.gradient_norms(0, 1)[0] / std::sqrt(squares) - 1.0) <= 1e-5);
}

TEST(AccumulationTest, TheTrainerReadsBatchAfterBatchAndReportsTheirMean) {
  TrainerOptions options = tiny_options();
  options.gradient_accumulation = 3;
  Trainer trainer(options, Data::random(kTiny, 5));
  trainer.step();
  // The same three batches by a trainer that does not move.
  TrainerOptions still = tiny_options();
  still.adamw.learning_rate = 0.0f;
  Trainer one(still, Data::random(kTiny, 5));
  one.train(3);
  const std::vector<float> losses = one.losses();
  EXPECT_NE(losses[0], losses[1]);
  EXPECT_NEAR(trainer.losses()[0], (losses[0] + losses[1] + losses[2]) / 3.0f, 1e-5);
  EXPECT_THROW_MESSAGE(trainer.optimizer_step(), Error, "forward is next");
}

TEST(TrainerTest, EvaluationChangesNothing) {
  TrainerOptions options = tiny_options();
  options.clip_norm = 1.0f;
  Trainer with(options, Data::random(kTiny, 5)), without(options, Data::random(kTiny, 5));
  const Data validation = Data::random(kTiny, 9);
  for (int i = 0; i < 4; ++i) {
    const float first = with.evaluate(validation, 3);
    EXPECT_EQ(with.evaluate(validation, 3), first);
    EXPECT_NEAR(first, std::log(64.0f), 0.3);
    with.step();
    without.step();
  }
  EXPECT_EQ(with.losses(), without.losses());
  EXPECT_EQ(with.model().parameters().download(), without.model().parameters().download());
  with.forward();
  EXPECT_THROW_MESSAGE(with.evaluate(validation, 3), Error, "evaluate was called inside a step");
}

TEST(TrainerTest, ClippingBoundsTheStep) {
  TrainerOptions options = tiny_options();
  options.clip_norm = 1e-3f;
  Trainer clipped(options, Data::random(kTiny, 5));
  clipped.step();
  double squares = 0.0;
  for (const float g : clipped.model().gradients().download()) squares += static_cast<double>(g) * g;
  EXPECT_TRUE(std::abs(std::sqrt(squares) / 1e-3 - 1.0) <= 1e-4) << std::sqrt(squares);
  EXPECT_GT(clipped.gradient_norms(0, 1)[0], 1e-2f);
}

// --- what is not finite

TEST(NotFiniteTest, NamesTheFirstTensorOfEachKind) {
  Trainer trainer(tiny_options(), Data::random(kTiny, 5));
  trainer.step();
  EXPECT_EQ(find_not_finite(trainer, 0).kind, "");
  EXPECT_TRUE(parameters_are_finite(trainer));

  // Finite weights whose product overflows: q of layer 1 is the first that sees it.
  Arena& parameters = trainer.model().parameters();
  const std::string name = "model.layers.1.self_attn.q_proj.weight";
  const std::vector<float> before = parameters.download(name);
  std::vector<float> huge(before.size());
  for (std::size_t i = 0; i < huge.size(); ++i) huge[i] = 3e38f;
  parameters.upload(name, huge);
  EXPECT_TRUE(std::isfinite(huge[0]));
  const NotFinite activation = find_not_finite(trainer, 0);
  EXPECT_EQ(activation.kind + " " + activation.name, "activation layers.1.q");
  EXPECT_GT(activation.bad, 0);

  std::vector<float> bad = before;
  bad[7] = std::nanf("");
  parameters.upload(name, bad);
  EXPECT_EQ(describe(find_not_finite(trainer, 0)),
            "parameter model.layers.1.self_attn.q_proj.weight (1 of 1024 elements)");
  EXPECT_FALSE(parameters_are_finite(trainer));
}

}  // namespace
}  // namespace wb
