// Tests of layernorm and its gradient, in the order of the lesson's steps: the untouched starter fails at the
// first of each suite.
#include "04_layernorm/layernorm.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "04_layernorm/testing/layernorm_diagnosis.h"
#include "04_layernorm/testing/layernorm_far.h"
#include "04_layernorm/testing/layernorm_oracle.h"
#include "common/core/shared_memory.h"
#include "common/harness/far_rows.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::area;

constexpr float kEpsilon = 1e-5f;

// y is a sum of two terms of the order of 1: where they cancel, the error is theirs.
struct ForwardTolerances {
  wb::Tolerance mean{1e-6, 1e-6}, rstd{1e-7, 3e-6}, y{3e-6, 3e-6};
};
constexpr wb::Tolerance kDx{4e-6, 5e-6};

// dgamma and dbeta sum N products of the order of 1: rounding errors grow with the sum.
wb::Tolerance sum_tolerance(int n) {
  return {2e-6 * std::sqrt(n) + 2e-8 * n, 1e-5};
}

// Both sides of what implementations change their ways at, and rows that do not fit a block's registers.
std::vector<int> row_lengths(const std::vector<int>& long_ones = {2048, 4100, 8191, 8192, 8193, 16388,
                                                                  33000}) {
  std::vector<int> lengths = wb::edge_sizes();
  lengths.insert(lengths.end(), long_ones.begin(), long_ones.end());
  return lengths;
}

class LayernormForwardTest : public wb::ImplementationTest<wb::LayernormForward> {
 protected:
  struct Outputs {
    std::vector<float> y, mean, rstd;
  };

  struct Parameters {
    std::vector<float> gamma, beta;  // (C)
  };

  static Parameters parameters(int c) {
    return {wb::random_normal(area(1, c), 2, 1.0f, 0.5f), wb::random_normal(area(1, c), 3)};
  }

  static wb::LayernormResult oracle(const std::vector<float>& x, int n, int c, float epsilon) {
    const Parameters p = parameters(c);
    return wb::layernorm_oracle(wb::to_double(x), wb::to_double(p.gamma), wb::to_double(p.beta), n, c,
                                epsilon);
  }

  // Runs the implementation and checks that it stayed within its buffers.
  Outputs normalize(const std::vector<float>& x, int n, int c, float epsilon, std::size_t misalign) {
    const Parameters p = parameters(c);
    auto device_x = wb::GuardedBuffer<float>::input(x, misalign);
    auto gamma = wb::GuardedBuffer<float>::input(p.gamma, misalign);
    auto beta = wb::GuardedBuffer<float>::input(p.beta, misalign);
    auto y = wb::GuardedBuffer<float>::output(x.size(), misalign);
    auto mean = wb::GuardedBuffer<float>::output(area(n, 1), misalign);
    auto rstd = wb::GuardedBuffer<float>::output(area(n, 1), misalign);
    run(device_x.data(), gamma.data(), beta.data(), y.data(), mean.data(), rstd.data(), n, c, epsilon,
        nullptr);
    EXPECT_TRUE(y.check("y"));
    EXPECT_TRUE(mean.check("mean"));
    EXPECT_TRUE(rstd.check("rstd"));
    EXPECT_TRUE(device_x.check("x"));
    EXPECT_TRUE(gamma.check("gamma"));
    EXPECT_TRUE(beta.check("beta"));
    return {y.download(), mean.download(), rstd.download()};
  }

  void expect_norm(const std::vector<float>& x, int n, int c, float epsilon = kEpsilon,
                   std::size_t misalign = 0, const ForwardTolerances& tolerances = {}) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", c = " + std::to_string(c));
    const auto expected = oracle(x, n, c, epsilon);
    const auto [y, mean, rstd] = normalize(x, n, c, epsilon, misalign);
    EXPECT_TRUE(wb::matches(mean, expected.mean, tolerances.mean, {{n}}));
    EXPECT_TRUE(wb::matches(rstd, expected.rstd, tolerances.rstd, {{n}}));
    const Parameters p = parameters(c);
    EXPECT_TRUE(wb::matches(y, expected.y, tolerances.y, {{n, c}})) << wb::explain_layernorm(
        y, mean, rstd, wb::to_double(x), wb::to_double(p.gamma), wb::to_double(p.beta), n, c, epsilon);
  }
};

TEST_P(LayernormForwardTest, FindsTheMeanOfARow) {
  const std::vector<float> x = wb::random_normal(256, 1, 0.5f);
  const std::vector<float> mean = normalize(x, 1, 256, kEpsilon, 0).mean;
  EXPECT_TRUE(wb::matches(mean, oracle(x, 1, 256, kEpsilon).mean, ForwardTolerances{}.mean));
}

TEST_P(LayernormForwardTest, FindsTheSpreadOfARow) {
  const std::vector<float> x = wb::random_normal(256, 1, 0.5f);
  const std::vector<float> rstd = normalize(x, 1, 256, kEpsilon, 0).rstd;
  EXPECT_TRUE(wb::matches(rstd, oracle(x, 1, 256, kEpsilon).rstd, ForwardTolerances{}.rstd))
      << "rstd = 1 / sqrt(variance + epsilon), and the variance divides by C = 256";
}

TEST_P(LayernormForwardTest, NormalizesOneRow) {
  expect_norm(wb::random_normal(256, 1), 1, 256);
}

TEST_P(LayernormForwardTest, NormalizesEachRow) {
  expect_norm(wb::random_normal(area(100, 64), 1), 100, 64);
}

TEST_P(LayernormForwardTest, NormalizesRowsOfEveryLength) {
  for (const int c : row_lengths()) {
    expect_norm(wb::random_normal(area(3, c), 1), 3, c);
    if (HasFailure()) return;  // one length explains enough
  }
}

// Data around 10000 with a spread of 1. A float there is a multiple of 2^-10: the mean can come out no closer
// than some of those, and y is off by as much. But not by more: the variance is 1, and must not drown in
// 10000^2, where a float is a multiple of 8.
TEST_P(LayernormForwardTest, KeepsASmallSpreadBesideALargeMean) {
  const ForwardTolerances tolerances{{0.0, 5e-7}, {0.0, 5e-4}, {1e-2, 1e-3}};
  for (const int c : {32, 1000, 8192, 33000}) {
    expect_norm(wb::random_normal(area(3, c), 1, 1e4f), 3, c, kEpsilon, 0, tolerances);
    if (HasFailure()) {
      ADD_FAILURE()
          << "cancellation: x has a mean of 10000 and a spread of 1. E[x^2] - E[x]^2 is the difference "
             "of two numbers near 1e8; square deviations from the mean instead";
      return;
    }
  }
}

// A row that grows: what a thread sees first says little about the rest.
TEST_P(LayernormForwardTest, MergesPartsWithDifferentMeans) {
  constexpr int kC = 3000;
  std::vector<float> x = wb::random_normal(kC, 1);
  for (int i = 0; i < kC; ++i) x[static_cast<std::size_t>(i)] += 0.1f * static_cast<float>(i);
  expect_norm(x, 1, kC, kEpsilon, 0, {{0.0, 1e-6}, {0.0, 1e-5}, {1e-5, 1e-5}});
}

// With values this small epsilon is most of the sum; with epsilon = 0 it must not be there at all.
TEST_P(LayernormForwardTest, AddsEpsilonInsideTheRoot) {
  const ForwardTolerances tolerances{{1e-9, 1e-6}, {0.0, 3e-6}, {3e-6, 3e-6}};
  for (const float epsilon : {1e-5f, 0.0f}) {
    SCOPED_TRACE("values around 0.001, epsilon = " + std::to_string(epsilon));
    expect_norm(wb::random_normal(5 * 100, 1, 0.0f, 1e-3f), 5, 100, epsilon, 0, tolerances);
  }
}

// All deviations are 0, and so is everything but beta: epsilon keeps 0 / 0 away.
TEST_P(LayernormForwardTest, GivesAConstantRowBeta) {
  std::vector<float> x = wb::random_normal(area(3, 70), 1);
  std::fill(x.begin() + 70, x.begin() + 140, 3.25f);
  expect_norm(x, 3, 70);
}

TEST_P(LayernormForwardTest, NormalizesAnyNumberOfRows) {
  for (const int n : wb::edge_sizes()) {
    expect_norm(wb::random_normal(area(n, 36), 1), n, 36);
    if (HasFailure()) return;  // one number explains enough
  }
}

TEST_P(LayernormForwardTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) {
    SCOPED_TRACE("all arrays start " + std::to_string(misalign) + " floats past a 256-byte boundary");
    expect_norm(wb::random_normal(area(3, 256), 1), 3, 256, kEpsilon, misalign);
  }
}

TEST_P(LayernormForwardTest, NormalizesARowOf100000) {
  expect_norm(wb::random_normal(100000, 1), 1, 100000);
}

TEST_P(LayernormForwardTest, NormalizesLongRowsOnASmallerGpu) {
  const wb::SmallerSharedMemory gpu(wb::kLeastSharedMemory);
  expect_norm(wb::random_normal(area(2, 20000), 1), 2, 20000);
}

TEST_P(LayernormForwardTest, NormalizesInPlace) {
  for (const int c : {100, 1024, 20000}) {
    SCOPED_TRACE("y is x, c = " + std::to_string(c));
    const std::vector<float> x = wb::random_normal(area(2, c), 1);
    const Parameters p = parameters(c);
    auto y = wb::GuardedBuffer<float>::inout(x);
    auto gamma = wb::GuardedBuffer<float>::input(p.gamma);
    auto beta = wb::GuardedBuffer<float>::input(p.beta);
    wb::DeviceBuffer<float> mean(2), rstd(2);
    run(y.data(), gamma.data(), beta.data(), y.data(), mean.data(), rstd.data(), 2, c, kEpsilon, nullptr);
    EXPECT_TRUE(
        wb::matches(y.download(), oracle(x, 2, c, kEpsilon).y, ForwardTolerances{}.y, {{2, c}, 0, x}));
    EXPECT_TRUE(y.check("y"));
  }
}

TEST_P(LayernormForwardTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::inout(wb::random_uniform(16, 1));
  float* x = buffer.data();
  expect_bad_pointers_named({"x", "gamma", "beta", "y", "mean", "rstd"}, x, x, x, x, x, x, 2, 2, kEpsilon,
                            nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, 0, 2, kEpsilon, nullptr), wb::Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, 2, -1, kEpsilon, nullptr), wb::Error, "c = -1");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, 2, wb::kLayernormMaxColumns + 1, kEpsilon, nullptr), wb::Error,
                       "c = 16777217");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, 2, 2, -1.0f, nullptr), wb::Error, "epsilon = -1");
  EXPECT_TRUE(buffer.check("everything"));
}

// The last row begins past element 2^31.
TEST_P(LayernormForwardTest, CountsPastTwoToThe31) {
  const std::string why = wb::FarRows::lacking(implementation().name);
  if (!why.empty()) GTEST_SKIP() << why;
  const wb::FarRows far;
  const Parameters p = parameters(far.kC);
  wb::DeviceBuffer<float> gamma(p.gamma), beta(p.beta), mean(area(far.n(), 1)), rstd(area(far.n(), 1));
  far.run([&] {
    run(far.x(), gamma.data(), beta.data(), far.y(), mean.data(), rstd.data(), far.n(), far.kC, kEpsilon,
        nullptr);
  });
  const std::vector<float> got = far.last_of_y(), got_mean = {mean.download().back()};
  EXPECT_TRUE(wb::matches(got, oracle(far.last_row, 1, far.kC, kEpsilon).y, ForwardTolerances{}.y))
      << far.explain(wb::looks_like(got_mean, oracle(far.other_row, 1, far.kC, kEpsilon).mean));
}

WB_TEST_IMPLEMENTATIONS(LayernormForwardTest, wb::LayernormForward);

class LayernormBackwardTest : public wb::ImplementationTest<wb::LayernormBackward> {
 protected:
  enum class What { kDx, kEverything };

  // dx holds NaN before the call, dgamma and dbeta random numbers that the gradient adds to.
  void expect_gradient(int n, int c, std::size_t misalign = 0, What what = What::kEverything) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", c = " + std::to_string(c));
    const std::vector<float> x = wb::random_normal(area(n, c), 1, 0.5f),
                             dy = wb::random_normal(area(n, c), 2);
    const std::vector<float> gamma = wb::random_normal(area(1, c), 3, 1.0f, 0.5f);
    const std::vector<float> dgamma_before = wb::random_normal(area(1, c), 4);
    const std::vector<float> dbeta_before = wb::random_normal(area(1, c), 5);
    const auto forward =
        wb::layernorm_oracle(wb::to_double(x), wb::to_double(gamma), wb::to_double(gamma), n, c, kEpsilon);
    const std::vector<float> mean(forward.mean.begin(), forward.mean.end());
    const std::vector<float> rstd(forward.rstd.begin(), forward.rstd.end());
    auto expected = wb::layernorm_backward_oracle(wb::to_double(dy), wb::to_double(x), wb::to_double(gamma),
                                                  wb::to_double(mean), wb::to_double(rstd), n, c);
    for (std::size_t i = 0; i < gamma.size(); ++i) {
      expected.dgamma[i] += dgamma_before[i];
      expected.dbeta[i] += dbeta_before[i];
    }

    auto device_dy = wb::GuardedBuffer<float>::input(dy, misalign);
    auto device_x = wb::GuardedBuffer<float>::input(x, misalign);
    auto device_gamma = wb::GuardedBuffer<float>::input(gamma, misalign);
    auto device_mean = wb::GuardedBuffer<float>::input(mean, misalign);
    auto device_rstd = wb::GuardedBuffer<float>::input(rstd, misalign);
    auto dx = wb::GuardedBuffer<float>::output(x.size(), misalign);
    auto dgamma = wb::GuardedBuffer<float>::inout(dgamma_before, misalign);
    auto dbeta = wb::GuardedBuffer<float>::inout(dbeta_before, misalign);
    auto scratch = wb::GuardedBuffer<float>::output(wb::layernorm_backward_scratch(n, c), misalign);
    run(device_dy.data(), device_x.data(), device_gamma.data(), device_mean.data(), device_rstd.data(),
        dx.data(), dgamma.data(), dbeta.data(), scratch.data(), n, c, nullptr);
    // A row of one or two columns has a rstd of up to 1 / sqrt(epsilon): so much larger are dx and its error.
    const double largest = *std::max_element(rstd.begin(), rstd.end());
    const wb::Tolerance tolerance{kDx.absolute * std::max(1.0, largest), kDx.relative};
    EXPECT_TRUE(wb::matches(dx.download(), expected.dx, tolerance, {{n, c}})) << wb::explain_layernorm_dx(
        dx.download(), wb::to_double(dy), wb::to_double(gamma), wb::to_double(rstd));
    if (what == What::kEverything) {
      EXPECT_TRUE(wb::matches(dgamma.download(), expected.dgamma, sum_tolerance(n), {{c}, 0, dgamma_before}))
          << wb::explain_layernorm_dgamma(dgamma.download(), expected.dgamma, wb::to_double(dy),
                                          wb::to_double(mean), wb::to_double(rstd));
      EXPECT_TRUE(wb::matches(dbeta.download(), expected.dbeta, sum_tolerance(n), {{c}, 0, dbeta_before}))
          << "dbeta";
    }
    EXPECT_TRUE(dx.check("dx"));
    EXPECT_TRUE(dgamma.check("dgamma"));
    EXPECT_TRUE(dbeta.check("dbeta"));
    EXPECT_TRUE(scratch.check("scratch"));
    EXPECT_TRUE(device_dy.check("dy"));
    EXPECT_TRUE(device_x.check("x"));
    EXPECT_TRUE(device_gamma.check("gamma"));
    EXPECT_TRUE(device_mean.check("mean"));
    EXPECT_TRUE(device_rstd.check("rstd"));
  }
};

TEST_P(LayernormBackwardTest, DifferentiatesByX) {
  expect_gradient(4, 64, 0, What::kDx);
}

TEST_P(LayernormBackwardTest, AddsOneRowToTheParameters) {
  expect_gradient(1, 64);
}

TEST_P(LayernormBackwardTest, AddsManyRowsToTheParameters) {
  expect_gradient(100, 64);
}

TEST_P(LayernormBackwardTest, DifferentiatesRowsOfEveryLength) {
  for (const int c : wb::unless_inspected(row_lengths(), row_lengths({2048, 4100, 8192, 8193}))) {
    expect_gradient(3, c);
    if (HasFailure()) return;  // one length explains enough
  }
}

TEST_P(LayernormBackwardTest, SumsAnyNumberOfRows) {
  for (const int n : wb::unless_inspected(wb::edge_sizes(), {1, 2, 31, 32, 33, 100, 256, 257, 1025})) {
    expect_gradient(n, 36);
    if (HasFailure()) return;  // one number explains enough
  }
}

// More rows than partial sums fit into scratch, whichever way an implementation divides it.
TEST_P(LayernormBackwardTest, SumsMoreRowsThanScratchHolds) {
  expect_gradient(2 * wb::kLayernormPartials + 7, 1);
  expect_gradient(wb::unless_inspected(8, 4) * wb::kLayernormPartials + 7, 5);
}

TEST_P(LayernormBackwardTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) {
    SCOPED_TRACE("all arrays start " + std::to_string(misalign) + " floats past a 256-byte boundary");
    expect_gradient(5, 256, misalign);
  }
}

TEST_P(LayernormBackwardTest, DifferentiatesARowOf100000) {
  expect_gradient(1, wb::unless_inspected(100000, 34000));
}

TEST_P(LayernormBackwardTest, DifferentiatesLongRowsOnASmallerGpu) {
  const wb::SmallerSharedMemory gpu(wb::kLeastSharedMemory);
  expect_gradient(wb::unless_inspected(3, 2), wb::unless_inspected(32768, 20000));
}

TEST_P(LayernormBackwardTest, GivesTheSameBitsEveryTime) {
  constexpr int kN = 300, kC = 100;
  wb::DeviceBuffer<float> dy(wb::random_normal(kN * kC, 1)), x(wb::random_normal(kN * kC, 2));
  wb::DeviceBuffer<float> gamma(wb::random_normal(kC, 3)), mean(wb::random_normal(kN, 4, 0.0f, 0.1f));
  wb::DeviceBuffer<float> rstd(wb::random_uniform(kN, 5, 0.5f, 2.0f));
  wb::DeviceBuffer<float> dx(kN * kC), scratch(wb::layernorm_backward_scratch(kN, kC));
  std::vector<float> first_dx, first_dgamma, first_dbeta;
  for (int repetition = 0; repetition < 3; ++repetition) {
    wb::DeviceBuffer<float> dgamma(std::vector<float>(kC, 0.0f)), dbeta(std::vector<float>(kC, 0.0f));
    run(dy.data(), x.data(), gamma.data(), mean.data(), rstd.data(), dx.data(), dgamma.data(), dbeta.data(),
        scratch.data(), kN, kC, nullptr);
    if (repetition == 0) {
      first_dx = dx.download();
      first_dgamma = dgamma.download();
      first_dbeta = dbeta.download();
    }
    EXPECT_EQ(dx.download(), first_dx);
    if (implementation().name == "atomics") continue;  // last bits may differ, as its contract says
    EXPECT_EQ(dgamma.download(), first_dgamma);
    EXPECT_EQ(dbeta.download(), first_dbeta);
  }
}

TEST_P(LayernormBackwardTest, CountsPastTwoToThe31) {
  wb::expect_far_layernorm_gradient([&](auto... all) { run(all...); }, implementation().name, kDx);
}

TEST_P(LayernormBackwardTest, RejectsBadArguments) {
  wb::DeviceBuffer<float> buffer(wb::random_uniform(wb::layernorm_backward_scratch(2, 2), 1));
  float* x = buffer.data();
  expect_bad_pointers_named({"dy", "x", "gamma", "mean", "rstd", "dx", "dgamma", "dbeta", "scratch"}, x, x, x,
                            x, x, x, x, x, x, 2, 2, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, x, x, x, 0, 2, nullptr), wb::Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, x, x, x, 2, -1, nullptr), wb::Error, "c = -1");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, x, x, x, 2, wb::kLayernormMaxColumns + 1, nullptr), wb::Error,
                       "c = 16777217");
}

WB_TEST_IMPLEMENTATIONS(LayernormBackwardTest, wb::LayernormBackward);

// f = sum of y times fixed weights: those weights are its upstream gradient. Each input is tested in turn.
TEST(LayernormOracle, GradientMatchesCentralDifferences) {
  constexpr int kN = 4, kC = 9;
  const std::vector<double> x = wb::to_double(wb::random_normal(kN * kC, 1));
  const std::vector<double> gamma = wb::to_double(wb::random_normal(kC, 2, 1.0f, 0.5f));
  const std::vector<double> beta = wb::to_double(wb::random_normal(kC, 3));
  const std::vector<double> dy = wb::to_double(wb::random_normal(kN * kC, 4));
  const auto f = [&](std::span<const double> at_x, std::span<const double> at_gamma,
                     std::span<const double> at_beta) {
    const std::vector<double> y = wb::layernorm_oracle(at_x, at_gamma, at_beta, kN, kC, kEpsilon).y;
    return std::inner_product(y.begin(), y.end(), dy.begin(), 0.0);
  };
  const auto forward = wb::layernorm_oracle(x, gamma, beta, kN, kC, kEpsilon);
  const auto gradient = wb::layernorm_backward_oracle(dy, x, gamma, forward.mean, forward.rstd, kN, kC);
  EXPECT_TRUE(
      wb::gradient_matches([&](auto at) { return f(at, gamma, beta); }, x, gradient.dx, {1e-8, 1e-7}));
  EXPECT_TRUE(
      wb::gradient_matches([&](auto at) { return f(x, at, beta); }, gamma, gradient.dgamma, {1e-8, 1e-7}));
  EXPECT_TRUE(
      wb::gradient_matches([&](auto at) { return f(x, gamma, at); }, beta, gradient.dbeta, {1e-8, 1e-7}));
}

}  // namespace
