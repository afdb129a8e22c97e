// The whole model against PyTorch in float64: loss, and the gradient of every parameter tensor, with every
// component and every kernel that the journey picks.
#include "07_tinyllama/trainer/model.h"

#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "07_tinyllama/trainer/coverage.h"
#include "07_tinyllama/trainer/testing/model_golden.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

/// |got - expected| / |expected|, Euclidean norms; NaN where got has one.
double relative_error(const std::vector<float>& got, const std::vector<double>& expected) {
  if (got.size() != expected.size()) return std::nan("");
  double difference = 0.0, norm = 0.0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    difference += std::pow(static_cast<double>(got[i]) - expected[i], 2);
    norm += expected[i] * expected[i];
  }
  return std::sqrt(difference / norm);
}

struct Variant {
  std::string name;
  std::string kernels;
  KvLayout layout;
};

std::vector<Variant> variants() {
  const std::pair<const char*, const char*> requests[] = {
      {"automatic", "auto"},
      {"solutions", "solution"},
      {"naive_swiglu", "swiglu=naive"},
      {"unfused_swiglu", "swiglu=unfused"},
      {"materialized_attention", "attention=materialized"},
      {"unfused_norm", "rmsnorm=unfused"},
      {"baseline", "swiglu=unfused,attention=materialized,rmsnorm=unfused"},
  };
  std::vector<Variant> all;
  for (const auto& [name, request] : requests) {
    all.push_back({std::string(name) + "_contiguous", request, KvLayout::kContiguous});
    all.push_back({std::string(name) + "_strided_view", request, KvLayout::kStridedView});
  }
  return all;
}

class ModelTest : public testing::TestWithParam<Variant> {
 public:
  // For the record: how far from the limit the gradients are.
  static void TearDownTestSuite() {
    std::printf("  worst gradient: relative error %.2e (%s)\n", worst_of_all_, worst_name_.c_str());
  }

 protected:
  ModelTest()
      : model_(golden_.config(), select_kernels(GetParam().kernels), GetParam().layout),
        tokens_(golden_.tokens()),
        targets_(golden_.targets()),
        loss_(1) {
    golden_.load_weights(model_.parameters());
  }

  float run_forward() {
    model_.forward(tokens_.data(), targets_.data(), loss_.data());
    return loss_.download().at(0);
  }
  void run_backward() { model_.backward(tokens_.data(), targets_.data()); }

  ModelGolden golden_;
  Model model_;
  DeviceBuffer<int> tokens_;
  DeviceBuffer<int> targets_;
  DeviceBuffer<float> loss_;

  inline static double worst_of_all_ = 0.0;
  inline static std::string worst_name_ = "none";
};

TEST_P(ModelTest, LossAgreesWithPyTorch) {
  EXPECT_NEAR(run_forward(), golden_.loss(), 1e-5 * golden_.loss());
}

TEST_P(ModelTest, EveryGradientAgreesWithPyTorch) {
  run_forward();
  run_backward();
  double worst = 0.0;
  std::string worst_name;
  for (const TensorEntry& entry : model_.gradients().table().entries()) {
    const double error =
        relative_error(model_.gradients().download(entry.name), golden_.gradient(entry.name));
    EXPECT_TRUE(error <= 1e-4) << entry.name << ": relative error " << error << ", limit 1e-4";
    if (!(error <= worst)) worst = error, worst_name = entry.name;
  }
  if (worst > worst_of_all_) worst_of_all_ = worst, worst_name_ = GetParam().name + ", " + worst_name;
}

TEST_P(ModelTest, EveryParameterReceivesAGradient) {
  run_forward();
  run_backward();
  const GradientCoverage coverage = gradient_coverage(model_.gradients());
  EXPECT_EQ(coverage.covered_tensors, coverage.tensors) << testing::PrintToString(coverage.missing);
  EXPECT_EQ(coverage.covered_elements, coverage.elements);
  EXPECT_EQ(coverage.not_finite, 0);
}

// Gradients are cleared, not added to those of the step before, and nothing is left over that changes them.
TEST_P(ModelTest, AStepDoesNotDependOnTheOneBefore) {
  const float first_loss = run_forward();
  run_backward();
  const std::vector<float> first = model_.gradients().download();
  EXPECT_EQ(run_forward(), first_loss);
  run_backward();
  EXPECT_EQ(model_.gradients().download(), first);
}

// Gradient accumulation: a quarter and three quarters of a batch's gradient make the whole of it.
TEST_P(ModelTest, AccumulatedGradientsAddUp) {
  run_forward();
  run_backward();
  const std::vector<float> whole = model_.gradients().download();
  run_forward();
  model_.backward(tokens_.data(), targets_.data(), nullptr, 0.25f);
  run_forward();
  model_.backward(tokens_.data(), targets_.data(), nullptr, 0.75f, true);
  const std::vector<float> sum = model_.gradients().download();
  EXPECT_LE(relative_error(sum, {whole.begin(), whole.end()}), 1e-5);
}

TEST_P(ModelTest, PaddingOfTheGradientArenaStaysZero) {
  run_forward();
  run_backward();
  std::vector<float> arena = model_.gradients().download();
  for (const TensorEntry& entry : model_.gradients().table().entries()) {
    for (std::int64_t i = 0; i < entry.elements(); ++i)
      arena[static_cast<std::size_t>(entry.offset + i)] = 0.0f;
  }
  EXPECT_EQ(arena, std::vector<float>(arena.size(), 0.0f));
}

INSTANTIATE_TEST_SUITE_P(, ModelTest, testing::ValuesIn(variants()),
                         [](const auto& instance) { return instance.param.name; });

// A backward pass with a hole in it must not look complete.
TEST(GradientCoverageTest, CountsWhatIsMissing) {
  Arena gradients(parameter_table(ModelGolden().config()));
  for (const TensorEntry& entry : gradients.table().entries()) {
    gradients.upload(entry.name, std::vector<float>(static_cast<std::size_t>(entry.elements()), 0.5f));
  }
  const std::string hole = "model.layers.1.self_attn.v_proj.weight";
  const auto hole_size = gradients.table().at(hole).elements();
  gradients.upload(hole, std::vector<float>(static_cast<std::size_t>(hole_size), 0.0f));
  std::vector<float> norm(static_cast<std::size_t>(gradients.table().at("model.norm.weight").elements()),
                          1.0f);
  norm[2] = std::nanf("");
  norm[3] = 0.0f;
  gradients.upload("model.norm.weight", norm);

  const GradientCoverage coverage = gradient_coverage(gradients);
  EXPECT_EQ(coverage.tensors, 20);
  EXPECT_EQ(coverage.covered_tensors, 19);
  EXPECT_EQ(coverage.missing, std::vector<std::string>{hole});
  EXPECT_EQ(coverage.elements, gradients.table().elements());
  EXPECT_EQ(coverage.covered_elements, coverage.elements - hole_size - 2);
  EXPECT_EQ(coverage.not_finite, 1);
}

}  // namespace
}  // namespace wb
