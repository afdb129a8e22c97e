// The norm of all gradients, and whether a race can change it: the results are right from the start, and the
// inspector (on a GPU compute-sanitizer) looks at the same tests.
#include "07_tinyllama/fixits/fix_gradient_norm.h"

#include <cmath>
#include <limits>
#include <string>

#include "common/core/device_info.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"
#include "common/harness/inspection.h"
#include "common/harness/runtime_calls.h"

namespace wb {
namespace {

using Values = std::vector<float>;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Clipped {
  float norm, factor;
};

double norm_of(const Values& gradients) {
  double sum = 0.0;
  for (const float g : gradients) sum += static_cast<double>(g) * static_cast<double>(g);
  return std::sqrt(sum);
}

class GradientNormTest : public ImplementationTest<GradientNorm> {
 protected:
  Clipped clip(const Values& gradients, float max_norm = 1.0f) {
    auto in = GuardedBuffer<float>::input(gradients);
    auto scratch = GuardedBuffer<float>::output(kGradientNormScratch);
    auto norm = GuardedBuffer<float>::output(1), factor = GuardedBuffer<float>::output(1);
    run(in.data(), scratch.data(), norm.data(), factor.data(), static_cast<std::int64_t>(gradients.size()),
        max_norm, nullptr);
    EXPECT_TRUE(in.check("gradients"));
    EXPECT_TRUE(scratch.check("scratch"));
    EXPECT_TRUE(norm.check("norm"));
    EXPECT_TRUE(factor.check("factor"));
    return {norm.download().at(0), factor.download().at(0)};
  }

  void expect_norm(const Values& gradients) {
    SCOPED_TRACE("n = " + std::to_string(gradients.size()));
    const double expected = norm_of(gradients);
    const Clipped got = clip(gradients);
    EXPECT_TRUE(matches(Values{got.norm}, std::vector<double>{expected}, {0.0, 1e-5}));
    const double factor = expected > 1.0 ? 1.0 / expected : 1.0;
    EXPECT_TRUE(matches(Values{got.factor}, std::vector<double>{factor}, {0.0, 1e-5}));
  }
};

TEST_P(GradientNormTest, GivesTheNorm) {
  for (const std::size_t n : {1, 31, 256, 257, 1000}) expect_norm(random_uniform(n, n));
}

TEST_P(GradientNormTest, GivesTheNormOfManyGradients) {
  expect_norm(random_uniform(unless_inspected<std::size_t>(300'007, 70'001), 1));  // every block loops
}

TEST_P(GradientNormTest, SquaresDoNotOverflow) {
  Values gradients = random_uniform(1000, 2);
  for (float& g : gradients) g *= 1e30f;
  expect_norm(gradients);
  for (float& g : gradients) g = g * 1e-30f * 1e-30f;  // the product of both factors is 0 in float
  expect_norm(gradients);
}

TEST_P(GradientNormTest, ScalesOnlyWhatIsTooLong) {
  const Values gradients(64, 0.5f);  // of norm 4
  EXPECT_EQ(clip(gradients, 8.0f).factor, 1.0f);
  EXPECT_EQ(clip(gradients, 4.0f).factor, 1.0f);
  EXPECT_EQ(clip(gradients, 2.0f).factor, 0.5f);
  EXPECT_EQ(clip(gradients, kInfinity).factor, 1.0f);
  const Clipped zeros = clip(Values(300, 0.0f));
  EXPECT_EQ(zeros.norm, 0.0f);
  EXPECT_EQ(zeros.factor, 1.0f);
}

TEST_P(GradientNormTest, LeavesOutAStepThatIsNotFinite) {
  for (const float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    for (const std::size_t where : {0u, 33u, 999u}) {
      Values gradients = random_uniform(1000, 3);
      gradients[where] = bad;
      const Clipped got = clip(gradients);
      EXPECT_FALSE(std::isfinite(got.norm)) << "gradient " << where << " is " << bad;
      EXPECT_EQ(got.factor, 0.0f) << "gradient " << where << " is " << bad;
    }
  }
}

TEST_P(GradientNormTest, GivesTheSameBitsEveryTime) {
  const Values gradients = random_uniform(20'011, 4);
  const Clipped first = clip(gradients);
  for (int i = 0; i < unless_inspected(20, 2); ++i) {
    const Clipped again = clip(gradients);
    ASSERT_EQ(again.norm, first.norm) << "in call " << i + 2;
    ASSERT_EQ(again.factor, first.factor) << "in call " << i + 2;
  }
}

// Gradients past 2^31, all but the last of them 0. On the CPU device the last block of the grid runs, to
// which they belong.
TEST_P(GradientNormTest, CountsPastTwoToThe31) {
  constexpr std::int64_t kRound = 256 * kGradientNormBlocks;  // threads of the largest grid
  const std::int64_t n = far_elements() + kRound;
  const auto size = static_cast<std::size_t>(n);
  if (const std::string why = no_far_operands(size, implementation().name); !why.empty()) GTEST_SKIP() << why;
  const FarOperand gradients(size, FarFill::kZeros);
  const Values last(256, 3.0f);
  WB_CUDA_CHECK(
      cudaMemcpy(gradients.data() + n - 256, last.data(), 256 * sizeof(float), cudaMemcpyHostToDevice));
  DeviceBuffer<float> scratch(Values(kGradientNormScratch, 0.0f)), norm(1), factor(1);
  run_far(n, [&] { run(gradients.data(), scratch.data(), norm.data(), factor.data(), n, 8.0f, nullptr); },
          {0, 1});
  const float got = norm.download().at(0);
  if (device_is_cpu() && got == 0.0f) GTEST_SKIP() << "the last block of this grid has other gradients";
  EXPECT_FLOAT_EQ(got, 48.0f) << "the last 256 of " << n << " gradients are 3: too far for a 32-bit index";
  EXPECT_FLOAT_EQ(factor.download().at(0), 8.0f / 48.0f);
}

TEST_P(GradientNormTest, DoesNotWaitForTheDevice) {
  const DeviceBuffer<float> gradients(random_uniform(1000, 6));
  DeviceBuffer<float> scratch(std::size_t{kGradientNormScratch}), norm(1), factor(1);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  RuntimeCalls calls;
  implementation().function(gradients.data(), scratch.data(), norm.data(), factor.data(), 1000, 1.0f,
                            detail::stream_of_tests());
  calls.stop();
  for (const RuntimeCall& call : calls.all()) {
    EXPECT_FALSE(call.waits || call.kind == CallKind::kWait)
        << to_text(call) << ": the contract promises not to wait. The two kernels are in one stream already";
  }
}

TEST_P(GradientNormTest, RejectsBadArguments) {
  auto in = GuardedBuffer<float>::input(random_uniform(10, 5));
  auto scratch = GuardedBuffer<float>::output(kGradientNormScratch);
  auto norm = GuardedBuffer<float>::output(1), factor = GuardedBuffer<float>::output(1);
  const auto call = [&](std::int64_t n, float max_norm) {
    run(in.data(), scratch.data(), norm.data(), factor.data(), n, max_norm, nullptr);
  };
  EXPECT_THROW_MESSAGE(call(0, 1.0f), Error, "n = 0");
  EXPECT_THROW_MESSAGE(call(10, 0.0f), Error, "max_norm = 0");
  EXPECT_THROW_MESSAGE(call(10, std::nanf("")), Error, "max_norm = ");
  expect_bad_pointers_named({"gradients", "scratch", "norm", "factor"}, in.data(), scratch.data(),
                            norm.data(), factor.data(), std::int64_t{10}, 1.0f, nullptr);
}

WB_TEST_IMPLEMENTATIONS(GradientNormTest, GradientNorm);

}  // namespace
}  // namespace wb
