// Tests of residual_rmsnorm, in the order of the lesson's steps: the untouched starter fails at the first.
#include "05_rmsnorm_rope/residual_rmsnorm.h"

#include <algorithm>
#include <string>
#include <vector>

#include "05_rmsnorm_rope/testing/rmsnorm_diagnosis.h"
#include "05_rmsnorm_rope/testing/rmsnorm_oracle.h"
#include "common/harness/far_matches.h"
#include "common/harness/far_rows.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::area;

constexpr float kEpsilon = 1e-5f;
constexpr wb::Tolerance kSum{0.0, 6e-8};  // one addition, rounded
// Where x and residual nearly cancel, the rounding of the sum is large beside the sum itself.
constexpr wb::Tolerance kRstd{1e-7, 3e-6}, kY{3e-7, 3e-6};

struct Problem {
  int n, c;
  std::vector<float> x, residual;  // (N, C)
  std::vector<float> weight;       // (C)

  std::vector<double> sum() const {
    std::vector<double> total(x.size());
    for (std::size_t i = 0; i < total.size(); ++i) {
      total[i] = static_cast<double>(x[i]) + static_cast<double>(residual[i]);
    }
    return total;
  }
  wb::RmsnormResult norm_of(const std::vector<double>& what, float epsilon) const {
    return wb::rmsnorm_oracle(what, wb::to_double(weight), n, c, epsilon);
  }
};

Problem random_problem(int n, int c, float spread = 1.0f) {
  return {n, c, wb::random_normal(area(n, c), 1, 0.0f, spread),
          wb::random_normal(area(n, c), 2, 0.5f * spread, spread),
          wb::random_normal(area(1, c), 3, 1.0f, 0.5f)};
}

// Where the addition went, if y looks like one of the usual places.
std::string explain(const Problem& problem, const std::vector<float>& y, const std::vector<float>& rstd,
                    float epsilon) {
  const std::vector<double> x = wb::to_double(problem.x), residual = wb::to_double(problem.residual);
  const auto of_x = problem.norm_of(x, epsilon), of_sum = problem.norm_of(problem.sum(), epsilon);
  std::vector<double> added_after(of_x.y), x_by_sum(of_x.y), sum_by_x(of_x.y);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t row = i / problem.weight.size();
    added_after[i] += residual[i];
    x_by_sum[i] *= of_sum.rstd[row] / of_x.rstd[row];
    sum_by_x[i] = of_sum.y[i] * of_x.rstd[row] / of_sum.rstd[row];
  }
  const auto is = [&](const std::vector<double>& suspect) { return wb::looks_like(y, suspect); };
  if (is(added_after)) return "looks like: x is normalized alone, and the residual added afterwards";
  if (is(of_x.y)) return "looks like: y is the norm of x, without the residual";
  if (is(problem.norm_of(residual, epsilon).y)) return "looks like: y is the norm of the residual alone";
  if (is(x_by_sum)) return "looks like: rstd is that of the sum, but what it scales is x alone";
  if (is(sum_by_x)) return "looks like: the sum is scaled by the rstd of x alone";
  return wb::explain_rmsnorm(y, rstd, problem.sum(), wb::to_double(problem.weight), problem.n, problem.c,
                             epsilon);
}

class ResidualRmsnormTest : public wb::ImplementationTest<wb::ResidualRmsnormForward> {
 protected:
  enum class What { kSum, kRstd, kEverything };

  void expect_norm(const Problem& problem, float epsilon = kEpsilon, std::size_t misalign = 0,
                   What what = What::kEverything) {
    const auto& [n, c, host_x, host_residual, host_weight] = problem;
    SCOPED_TRACE("n = " + std::to_string(n) + ", c = " + std::to_string(c));
    const auto expected = problem.norm_of(problem.sum(), epsilon);
    auto x = wb::GuardedBuffer<float>::input(host_x, misalign);
    auto residual = wb::GuardedBuffer<float>::input(host_residual, misalign);
    auto weight = wb::GuardedBuffer<float>::input(host_weight, misalign);
    auto sum = wb::GuardedBuffer<float>::output(host_x.size(), misalign);
    auto y = wb::GuardedBuffer<float>::output(host_x.size(), misalign);
    auto rstd = wb::GuardedBuffer<float>::output(area(n, 1), misalign);
    run(x.data(), residual.data(), weight.data(), sum.data(), y.data(), rstd.data(), n, c, epsilon, nullptr);
    EXPECT_TRUE(wb::matches(sum.download(), problem.sum(), kSum, {{n, c}})) << "sum";
    if (what != What::kSum) {
      EXPECT_TRUE(wb::matches(rstd.download(), expected.rstd, kRstd, {{n}}))
          << wb::explain_rmsnorm_rstd(rstd.download(), problem.sum(), n, c, epsilon) << "\nrstd of the sum";
    }
    if (what == What::kEverything) {
      EXPECT_TRUE(wb::matches(y.download(), expected.y, kY, {{n, c}}))
          << explain(problem, y.download(), rstd.download(), epsilon) << "\ny";
    }
    EXPECT_TRUE(sum.check("sum"));
    EXPECT_TRUE(y.check("y"));
    EXPECT_TRUE(rstd.check("rstd"));
    EXPECT_TRUE(x.check("x"));
    EXPECT_TRUE(residual.check("residual"));
    EXPECT_TRUE(weight.check("weight"));
  }

  std::vector<float> output_of(wb::ResidualRmsnormForward::Function* function, const Problem& problem) {
    wb::DeviceBuffer<float> x(problem.x), residual(problem.residual), weight(problem.weight);
    wb::DeviceBuffer<float> sum(problem.x.size()), y(problem.x.size()), rstd(area(problem.n, 1));
    function(x.data(), residual.data(), weight.data(), sum.data(), y.data(), rstd.data(), problem.n,
             problem.c, kEpsilon, nullptr);
    return y.download();
  }
};

TEST_P(ResidualRmsnormTest, StoresTheSum) {
  expect_norm(random_problem(3, 256), kEpsilon, 0, What::kSum);
}

TEST_P(ResidualRmsnormTest, FindsTheRstdOfTheSum) {
  expect_norm(random_problem(3, 256), kEpsilon, 0, What::kRstd);
}

TEST_P(ResidualRmsnormTest, NormalizesTheSum) {
  expect_norm(random_problem(3, 256));
}

TEST_P(ResidualRmsnormTest, NormalizesRowsOfEveryLength) {
  std::vector<int> lengths = wb::edge_sizes();
  for (const int length : {2048, 2052, 4100, 8191, 8192, 33000}) lengths.push_back(length);
  for (const int c : lengths) {
    expect_norm(random_problem(3, c));
    if (HasFailure()) return;  // one length explains enough
  }
}

TEST_P(ResidualRmsnormTest, NormalizesAnyNumberOfRows) {
  for (const int n : wb::edge_sizes()) {
    expect_norm(random_problem(n, 36));
    if (HasFailure()) return;  // one number explains enough
  }
}

// With values this small epsilon is most of the sum; with epsilon = 0 it must not be there at all.
TEST_P(ResidualRmsnormTest, AddsEpsilonInsideTheRoot) {
  for (const float epsilon : {1e-5f, 0.0f}) {
    SCOPED_TRACE("values around 0.001, epsilon = " + std::to_string(epsilon));
    expect_norm(random_problem(5, 100, 1e-3f), epsilon);
  }
}

// The residual stream of a model lives in one place: the sum takes that of a summand.
TEST_P(ResidualRmsnormTest, AddsInPlace) {
  for (const bool over_x : {false, true}) {
    for (const int c : {100, 1024, 8192, 33000}) {
      SCOPED_TRACE(std::string("sum is ") + (over_x ? "x" : "residual") + ", c = " + std::to_string(c));
      const Problem problem = random_problem(2, c);
      auto sum = wb::GuardedBuffer<float>::inout(over_x ? problem.x : problem.residual);
      auto other = wb::GuardedBuffer<float>::input(over_x ? problem.residual : problem.x);
      auto y = wb::GuardedBuffer<float>::output(problem.x.size());
      wb::DeviceBuffer<float> weight(problem.weight), rstd(2);
      const float* x = over_x ? sum.data() : other.data();
      const float* residual = over_x ? other.data() : sum.data();
      run(x, residual, weight.data(), sum.data(), y.data(), rstd.data(), 2, c, kEpsilon, nullptr);
      EXPECT_TRUE(wb::matches(sum.download(), problem.sum(), kSum, {{2, c}})) << "sum";
      EXPECT_TRUE(wb::matches(y.download(), problem.norm_of(problem.sum(), kEpsilon).y, kY, {{2, c}})) << "y";
      EXPECT_TRUE(other.check("the other summand"));
      EXPECT_TRUE(sum.check("sum"));
    }
  }
}

// The additions are the same in both, so only the last bits may differ.
TEST_P(ResidualRmsnormTest, AgreesWithTheUnfusedPair) {
  const auto all = wb::implementations<wb::ResidualRmsnormForward>();
  const auto pair = std::find_if(all.begin(), all.end(), [](const auto& i) { return i.name == "unfused"; });
  if (implementation().name == "unfused") GTEST_SKIP() << "this is the pair";
  if (pair == all.end()) GTEST_SKIP() << "the unfused pair is not linked into this program";
  for (const int c : {1, 33, 768, 1000, 8192, 33000}) {
    const Problem problem = random_problem(4, c);
    const std::vector<double> expected = wb::to_double(output_of(pair->function, problem));
    EXPECT_TRUE(wb::matches(output_of(implementation().function, problem), expected, {1e-6, 0.0}, {{4, c}}))
        << "y of addition + rmsnorm in two launches is what is expected, c = " << c;
    if (HasFailure()) return;  // one length explains enough
  }
}

TEST_P(ResidualRmsnormTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) {
    SCOPED_TRACE("all arrays start " + std::to_string(misalign) + " floats past a 256-byte boundary");
    expect_norm(random_problem(3, 256), kEpsilon, misalign);
  }
}

// The last row begins past element 2^31. What is added is x itself.
TEST_P(ResidualRmsnormTest, CountsPastTwoToThe31) {
  if (const std::string why = wb::FarRows::lacking(implementation().name); !why.empty()) GTEST_SKIP() << why;
  const wb::FarRows far, sum;
  const Problem last = {1, far.kC, far.last_row, far.last_row,
                        wb::random_normal(area(1, far.kC), 3, 1.0f, 0.5f)};
  wb::DeviceBuffer<float> weight(last.weight), rstd(area(far.n(), 1));
  const auto launch = [&] {
    run(far.x(), far.x(), weight.data(), sum.y(), far.y(), rstd.data(), far.n(), far.kC, kEpsilon, nullptr);
  };
  far.run(launch, far.kWholeRow);
  EXPECT_TRUE(wb::far_matches(sum.last_of_y(), last.sum(), kSum)) << "sum" << far.explain(false);
  EXPECT_TRUE(wb::far_matches(far.last_of_y(), last.norm_of(last.sum(), kEpsilon).y, kY))
      << "y" << far.explain(false);
}

TEST_P(ResidualRmsnormTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::inout(wb::random_uniform(16, 1));
  float* x = buffer.data();
  expect_bad_pointers_named({"x", "residual", "weight", "sum", "y", "rstd"}, x, x, x, x, x, x, 2, 2, kEpsilon,
                            nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, 0, 2, kEpsilon, nullptr), wb::Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, 2, -1, kEpsilon, nullptr), wb::Error, "c = -1");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, 2, 2, -1.0f, nullptr), wb::Error, "epsilon = -1");
  EXPECT_TRUE(buffer.check("everything"));
}

WB_TEST_IMPLEMENTATIONS(ResidualRmsnormTest, wb::ResidualRmsnormForward);

}  // namespace
