// Tests of bias_layernorm, in the order of the lesson's steps: the untouched starter fails at the first.
#include "04_layernorm/bias_layernorm.h"

#include <algorithm>
#include <string>
#include <vector>

#include "04_layernorm/layernorm.h"
#include "04_layernorm/testing/layernorm_diagnosis.h"
#include "04_layernorm/testing/layernorm_oracle.h"
#include "common/harness/far_matches.h"
#include "common/harness/far_rows.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::area;

constexpr float kEpsilon = 1e-5f;
constexpr wb::Tolerance kMean{1e-6, 1e-6}, kRstd{1e-7, 3e-6}, kY{4e-6, 3e-6};

struct Problem {
  int n, c;
  std::vector<float> x;                  // (N, C)
  std::vector<float> bias, gamma, beta;  // (C)
};

Problem random_problem(int n, int c, float mean = 0.0f, float spread = 1.0f) {
  return {n,
          c,
          wb::random_normal(area(n, c), 1, mean, spread),
          wb::random_normal(area(1, c), 2, -0.5f, spread),
          wb::random_normal(area(1, c), 3, 1.0f, 0.5f),
          wb::random_normal(area(1, c), 4)};
}

std::vector<double> sum_of(const Problem& problem) {
  std::vector<double> z(problem.x.size());
  for (std::size_t i = 0; i < z.size(); ++i) {
    z[i] = static_cast<double>(problem.x[i]) + static_cast<double>(problem.bias[i % problem.bias.size()]);
  }
  return z;
}

wb::LayernormResult oracle_of(const std::vector<double>& z, const Problem& problem, float epsilon) {
  return wb::layernorm_oracle(z, wb::to_double(problem.gamma), wb::to_double(problem.beta), problem.n,
                              problem.c, epsilon);
}

wb::LayernormResult oracle(const Problem& problem, float epsilon) {
  return oracle_of(sum_of(problem), problem, epsilon);
}

// Where the bias went, if the result looks like one of the usual places.
std::string explain(const Problem& problem, const std::vector<float>& y, const std::vector<float>& mean,
                    const std::vector<float>& rstd, float epsilon) {
  const std::vector<double> x = wb::to_double(problem.x);
  const auto of_x = oracle_of(x, problem, epsilon), of_sum = oracle(problem, epsilon);
  const std::size_t width = problem.bias.size();
  std::vector<double> added_after(y.size()), left_out(y.size()), added_twice(y.size()), by_row(x);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t row = i / width, column = i % width;
    const auto bias = static_cast<double>(problem.bias[column]);
    const double effect = bias * of_sum.rstd[row] * static_cast<double>(problem.gamma[column]);
    added_after[i] = of_x.y[i] + bias;
    left_out[i] = of_sum.y[i] - effect;
    added_twice[i] = of_sum.y[i] + effect;
    by_row[i] += static_cast<double>(problem.bias[row % width]);
  }
  const auto is = [](const std::vector<float>& got, const std::vector<double>& suspect) {
    return wb::looks_like(got, suspect);
  };
  if (is(y, added_after)) return "looks like: the bias is added to the result, not to x";
  if (is(y, left_out)) return "looks like: what is normalized is x, without its bias";
  if (is(y, added_twice)) return "looks like: the bias is added twice to what is normalized";
  if (is(mean, of_x.mean)) return "looks like: mean and rstd are those of x, without its bias";
  if (is(mean, oracle_of(by_row, problem, epsilon).mean)) return "looks like: bias is indexed by the row";
  return wb::explain_layernorm(y, mean, rstd, sum_of(problem), wb::to_double(problem.gamma),
                               wb::to_double(problem.beta), problem.n, problem.c, epsilon);
}

class BiasLayernormTest : public wb::ImplementationTest<wb::BiasLayernormForward> {
 protected:
  void expect_norm(const Problem& problem, float epsilon = kEpsilon, std::size_t misalign = 0,
                   const wb::Tolerance& tolerance = kY) {
    const auto& [n, c, host_x, host_bias, host_gamma, host_beta] = problem;
    SCOPED_TRACE("n = " + std::to_string(n) + ", c = " + std::to_string(c));
    const auto expected = oracle(problem, epsilon);
    auto x = wb::GuardedBuffer<float>::input(host_x, misalign);
    auto bias = wb::GuardedBuffer<float>::input(host_bias, misalign);
    auto gamma = wb::GuardedBuffer<float>::input(host_gamma, misalign);
    auto beta = wb::GuardedBuffer<float>::input(host_beta, misalign);
    auto y = wb::GuardedBuffer<float>::output(host_x.size(), misalign);
    auto mean = wb::GuardedBuffer<float>::output(area(n, 1), misalign);
    auto rstd = wb::GuardedBuffer<float>::output(area(n, 1), misalign);
    run(x.data(), bias.data(), gamma.data(), beta.data(), y.data(), mean.data(), rstd.data(), n, c, epsilon,
        nullptr);
    EXPECT_TRUE(wb::matches(mean.download(), expected.mean, kMean, {{n}})) << "mean of x + bias";
    EXPECT_TRUE(wb::matches(rstd.download(), expected.rstd, kRstd, {{n}})) << "rstd of x + bias";
    EXPECT_TRUE(wb::matches(y.download(), expected.y, tolerance, {{n, c}}))
        << explain(problem, y.download(), mean.download(), rstd.download(), epsilon);
    EXPECT_TRUE(y.check("y"));
    EXPECT_TRUE(mean.check("mean"));
    EXPECT_TRUE(rstd.check("rstd"));
    EXPECT_TRUE(x.check("x"));
    EXPECT_TRUE(bias.check("bias"));
    EXPECT_TRUE(gamma.check("gamma"));
    EXPECT_TRUE(beta.check("beta"));
  }

  std::vector<float> output_of(wb::BiasLayernormForward::Function* function, const Problem& problem) {
    wb::DeviceBuffer<float> x(problem.x), bias(problem.bias), gamma(problem.gamma), beta(problem.beta);
    wb::DeviceBuffer<float> y(problem.x.size()), mean(area(problem.n, 1)), rstd(area(problem.n, 1));
    function(x.data(), bias.data(), gamma.data(), beta.data(), y.data(), mean.data(), rstd.data(), problem.n,
             problem.c, kEpsilon, nullptr);
    return y.download();
  }
};

TEST_P(BiasLayernormTest, FindsMeanAndSpreadOfTheSum) {
  const Problem problem = random_problem(3, 256);
  const auto expected = oracle(problem, kEpsilon);
  wb::DeviceBuffer<float> x(problem.x), bias(problem.bias), gamma(problem.gamma), beta(problem.beta);
  auto y = wb::GuardedBuffer<float>::output(problem.x.size());
  auto mean = wb::GuardedBuffer<float>::output(3), rstd = wb::GuardedBuffer<float>::output(3);
  run(x.data(), bias.data(), gamma.data(), beta.data(), y.data(), mean.data(), rstd.data(), 3, 256, kEpsilon,
      nullptr);
  EXPECT_TRUE(wb::matches(mean.download(), expected.mean, kMean, {{3}})) << "mean of x + bias";
  EXPECT_TRUE(wb::matches(rstd.download(), expected.rstd, kRstd, {{3}})) << "rstd of x + bias";
}

TEST_P(BiasLayernormTest, NormalizesTheSum) {
  expect_norm(random_problem(3, 256));
}

TEST_P(BiasLayernormTest, NormalizesRowsOfEveryLength) {
  std::vector<int> lengths = wb::edge_sizes();
  for (const int length : {4100, 8191, 8192, 16388, 33000}) lengths.push_back(length);
  for (const int c : lengths) {
    expect_norm(random_problem(3, c));
    if (HasFailure()) return;  // one length explains enough
  }
}

TEST_P(BiasLayernormTest, NormalizesAnyNumberOfRows) {
  for (const int n : wb::edge_sizes()) {
    expect_norm(random_problem(n, 36));
    if (HasFailure()) return;  // one number explains enough
  }
}

// z is rounded before anything is subtracted from it: y is off by that, divided by the small spread.
TEST_P(BiasLayernormTest, AddsEpsilonInsideTheRoot) {
  for (const float epsilon : {1e-5f, 0.0f}) {
    SCOPED_TRACE("spread 0.001, epsilon = " + std::to_string(epsilon));
    Problem problem = random_problem(5, 100, 0.0f, 1e-3f);
    for (float& value : problem.bias) value += 0.5f;
    expect_norm(problem, epsilon);
  }
}

// The sums are the same in both, so only the last bits may differ.
TEST_P(BiasLayernormTest, AgreesWithTheUnfusedPair) {
  const auto all = wb::implementations<wb::BiasLayernormForward>();
  const auto pair = std::find_if(all.begin(), all.end(), [](const auto& i) { return i.name == "unfused"; });
  if (implementation().name == "unfused") GTEST_SKIP() << "this is the pair";
  if (pair == all.end()) GTEST_SKIP() << "the unfused pair is not linked into this program";
  for (const int c : {1, 33, 768, 1000, 8192, 33000}) {
    const Problem problem = random_problem(4, c);
    const std::vector<double> expected = wb::to_double(output_of(pair->function, problem));
    EXPECT_TRUE(wb::matches(output_of(implementation().function, problem), expected, {1e-6, 0.0}, {{4, c}}))
        << "y of bias + layernorm in two launches is what is expected, c = " << c;
    if (HasFailure()) return;  // one length explains enough
  }
}

TEST_P(BiasLayernormTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) {
    SCOPED_TRACE("all arrays start " + std::to_string(misalign) + " floats past a 256-byte boundary");
    expect_norm(random_problem(3, 256), kEpsilon, misalign);
  }
}

TEST_P(BiasLayernormTest, NormalizesARowOf100000) {
  expect_norm(random_problem(1, 100000));
}

// The last row begins past element 2^31.
TEST_P(BiasLayernormTest, CountsPastTwoToThe31) {
  if (implementation().name == "unfused")
    GTEST_SKIP() << "unfused adds the bias by blocks that hold parts of rows";
  if (const std::string why = wb::FarRows::lacking(implementation().name); !why.empty()) GTEST_SKIP() << why;
  const wb::FarRows far;
  Problem last = random_problem(1, far.kC);
  last.x = far.last_row;
  wb::DeviceBuffer<float> bias(last.bias), gamma(last.gamma), beta(last.beta);
  wb::DeviceBuffer<float> mean(area(far.n(), 1)), rstd(area(far.n(), 1));
  far.run([&] {
    run(far.x(), bias.data(), gamma.data(), beta.data(), far.y(), mean.data(), rstd.data(), far.n(), far.kC,
        kEpsilon, nullptr);
  });
  EXPECT_TRUE(wb::far_matches(far.last_of_y(), oracle(last, kEpsilon).y, kY)) << far.explain(false);
}

TEST_P(BiasLayernormTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::inout(wb::random_uniform(16, 1));
  float* x = buffer.data();
  expect_bad_pointers_named({"x", "bias", "gamma", "beta", "y", "mean", "rstd"}, x, x, x, x, x, x, x, 2, 2,
                            kEpsilon, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, x, 0, 2, kEpsilon, nullptr), wb::Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, x, 2, -1, kEpsilon, nullptr), wb::Error, "c = -1");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, x, 2, wb::kLayernormMaxColumns + 1, kEpsilon, nullptr),
                       wb::Error, "c = 16777217");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, x, 2, 2, -1.0f, nullptr), wb::Error, "epsilon = -1");
  EXPECT_TRUE(buffer.check("everything"));
}

WB_TEST_IMPLEMENTATIONS(BiasLayernormTest, wb::BiasLayernormForward);

}  // namespace
