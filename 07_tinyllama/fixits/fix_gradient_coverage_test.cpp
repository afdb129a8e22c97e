// How much of the model received a gradient, and whether it is that of the loss.
#include "07_tinyllama/fixits/fix_gradient_coverage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "07_tinyllama/trainer/coverage.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

constexpr ModelConfig kConfig = {.c = 32, .l = 3, .h = 1, .k = 1, .f = 48, .v = 61, .b = 2, .t = 16};
// Larger than a real model starts with: every tensor matters to the loss at once.
constexpr float kStd = 0.2f;

class TapedStepTest : public ImplementationTest<TapedForward> {
 public:
  // What was measured, so that a pass also says by how much.
  static void TearDownTestSuite() {
    for (const std::string& figure : figures_) fmt::print("  {}\n", figure);
  }

 protected:
  inline static std::vector<std::string> figures_;

  float loss_of(TapedModel& model, Tape& tape) {
    run(model, tokens_.data(), targets_.data(), loss_.data(), tape);
    return loss_.download().at(0);
  }
  float loss_of(TapedModel& model) {
    Tape unused;
    return loss_of(model, unused);
  }
  // Leaves the gradients in the model.
  float step(TapedModel& model) {
    Tape tape;
    model.zero_gradients();
    const float loss = loss_of(model, tape);
    tape.play_backward();
    WB_CUDA_CHECK(cudaDeviceSynchronize());
    return loss;
  }

 private:
  static std::vector<int> random_ids(std::uint64_t seed) {
    return random_below(static_cast<std::size_t>(kConfig.tokens()), seed, kConfig.v);
  }
  DeviceBuffer<int> tokens_{random_ids(1)};
  DeviceBuffer<int> targets_{random_ids(2)};
  DeviceBuffer<float> loss_{1};
};

double norm_of(const std::vector<float>& values) {
  double sum = 0.0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

TEST_P(TapedStepTest, EveryTensorReceivesAGradient) {
  TapedModel model(kConfig, 1, kStd);
  step(model);
  const GradientCoverage coverage = gradient_coverage(model.parameter_gradients);
  EXPECT_TRUE(coverage.missing.empty())
      << fmt::format("{} of {} parameter tensors ({} of {} values) received a gradient. Without one: {}",
                     coverage.covered_tensors, coverage.tensors, coverage.covered_elements, coverage.elements,
                     fmt::join(coverage.missing, ", "));
  EXPECT_EQ(coverage.not_finite, 0);
}

// Move one tensor a little along its gradient g, forth and back: the loss must change by 2 * step * |g|.
TEST_P(TapedStepTest, EveryGradientIsThatOfTheLoss) {
  TapedModel model(kConfig, 1, kStd);
  step(model);
  for (const TensorEntry& entry : model.parameters.table().entries()) {
    const std::vector<float> start = model.parameters.download(entry.name);
    const std::vector<float> gradient = model.parameter_gradients.download(entry.name);
    const double length = norm_of(gradient);
    if (!(length > 0.0)) {
      ADD_FAILURE() << entry.name << " has no gradient";
      continue;
    }
    // Far enough for fp32 to see the loss change, near enough for it to change along a straight line.
    const double distance = std::min(0.01 / length, 0.02 * norm_of(start));
    const auto loss_at = [&](double way) {
      std::vector<float> moved = start;
      for (std::size_t i = 0; i < moved.size(); ++i)
        moved[i] += static_cast<float>(way / length) * gradient[i];
      model.parameters.upload(entry.name, moved);
      return static_cast<double>(loss_of(model));
    };
    const double got = loss_at(distance) - loss_at(-distance);
    const double promised = 2.0 * distance * length;
    EXPECT_TRUE(std::abs(got - promised) <= 0.01 * promised)
        << fmt::format("{}: along its gradient the loss changes by {:.3g}, but the gradient predicts {:.3g}",
                       entry.name, got, promised);
    model.parameters.upload(entry.name, start);
  }
}

// Passes from the start: a falling loss says that something learns, not that everything does.
TEST_P(TapedStepTest, TheLossFalls) {
  TapedModel model(kConfig, 1, kStd);
  const float first = step(model);
  for (int i = 0; i < 30; ++i) {
    std::vector<float> values = model.parameters.download();
    const std::vector<float> gradients = model.parameter_gradients.download();
    for (std::size_t j = 0; j < values.size(); ++j) values[j] -= 0.5f * gradients[j];
    for (const TensorEntry& entry : model.parameters.table().entries()) {
      const auto begin = values.begin() + entry.offset;
      model.parameters.upload(entry.name, std::vector<float>(begin, begin + entry.elements()));
    }
    step(model);
  }
  const float last = loss_of(model);
  figures_.push_back(fmt::format("{}: 30 steps of gradient descent, loss {:.3f} -> {:.3f}",
                                 implementation().name, first, last));
  EXPECT_LT(last, 0.7f * first);
}

WB_TEST_IMPLEMENTATIONS(TapedStepTest, TapedForward);

}  // namespace
}  // namespace wb
