// Tests of rmsnorm and its gradient, in the order of the lesson's steps: the untouched starter fails at the
// first of each suite.
#include "05_rmsnorm_rope/rmsnorm.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "05_rmsnorm_rope/testing/rmsnorm_diagnosis.h"
#include "05_rmsnorm_rope/testing/rmsnorm_oracle.h"
#include "common/core/shared_memory.h"
#include "common/harness/far_gradient_rows.h"
#include "common/harness/far_rows.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::area;

constexpr float kEpsilon = 1e-5f;
constexpr wb::Tolerance kForward{1e-7, 3e-6};

// dx is a difference of two terms of the order of 1, times rstd, which is large where a row is small.
wb::Tolerance dx_tolerance(const std::vector<float>& rstd) {
  return {2e-6 * std::max(1.0, double{*std::max_element(rstd.begin(), rstd.end())}), 5e-6};
}

// dweight sums N products of the order of 1: rounding errors grow with the sum.
wb::Tolerance dweight_tolerance(int n) {
  return {1e-6 * std::sqrt(n) + 2e-8 * n, 1e-5};
}

std::vector<int> row_lengths() {
  std::vector<int> lengths = wb::edge_sizes();
  for (const int length : {2048, 4100, 8191, 8192, 8193, 33000}) lengths.push_back(length);
  return lengths;
}

class RmsnormForwardTest : public wb::ImplementationTest<wb::RmsnormForward> {
 protected:
  enum class What { kRstd, kEverything };

  void expect_norm(const std::vector<float>& x, int n, int c, float epsilon = kEpsilon,
                   std::size_t misalign = 0, What what = What::kEverything) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", c = " + std::to_string(c));
    const std::vector<float> weight = wb::random_normal(area(1, c), 2, 1.0f, 0.5f);
    const auto expected = wb::rmsnorm_oracle(wb::to_double(x), wb::to_double(weight), n, c, epsilon);

    auto device_x = wb::GuardedBuffer<float>::input(x, misalign);
    auto device_weight = wb::GuardedBuffer<float>::input(weight, misalign);
    auto y = wb::GuardedBuffer<float>::output(x.size(), misalign);
    auto rstd = wb::GuardedBuffer<float>::output(area(n, 1), misalign);
    run(device_x.data(), device_weight.data(), y.data(), rstd.data(), n, c, epsilon, nullptr);
    EXPECT_TRUE(wb::matches(rstd.download(), expected.rstd, kForward, {{n}}))
        << wb::explain_rmsnorm_rstd(rstd.download(), wb::to_double(x), n, c, epsilon) << "\nrstd";
    if (what == What::kEverything) {
      EXPECT_TRUE(wb::matches(y.download(), expected.y, kForward, {{n, c}}))
          << wb::explain_rmsnorm(y.download(), rstd.download(), wb::to_double(x), wb::to_double(weight), n, c,
                                 epsilon)
          << "\ny";
    }
    EXPECT_TRUE(y.check("y"));
    EXPECT_TRUE(rstd.check("rstd"));
    EXPECT_TRUE(device_x.check("x"));
    EXPECT_TRUE(device_weight.check("weight"));
  }
};

// A mean of 0.5, so that subtracting it would show.
TEST_P(RmsnormForwardTest, FindsTheRstdOfARow) {
  expect_norm(wb::random_normal(256, 1, 0.5f), 1, 256, kEpsilon, 0, What::kRstd);
}

TEST_P(RmsnormForwardTest, NormalizesOneRow) {
  expect_norm(wb::random_normal(256, 1, 0.5f), 1, 256);
}

TEST_P(RmsnormForwardTest, NormalizesEachRow) {
  expect_norm(wb::random_normal(100 * 64, 1), 100, 64);
}

TEST_P(RmsnormForwardTest, NormalizesRowsOfEveryLength) {
  for (const int c : row_lengths()) {
    expect_norm(wb::random_normal(area(3, c), 1), 3, c);
    if (HasFailure()) return;  // one length explains enough
  }
}

TEST_P(RmsnormForwardTest, NormalizesAnyNumberOfRows) {
  for (const int n : wb::edge_sizes()) {
    expect_norm(wb::random_normal(area(n, 36), 1), n, 36);
    if (HasFailure()) return;  // one number explains enough
  }
}

// With values this small epsilon is most of the sum; with epsilon = 0 it must not be there at all.
TEST_P(RmsnormForwardTest, AddsEpsilonInsideTheRoot) {
  expect_norm(wb::random_normal(5 * 100, 1, 0.0f, 1e-3f), 5, 100, 1e-5f);
  expect_norm(wb::random_normal(5 * 100, 1, 0.0f, 1e-3f), 5, 100, 0.0f);
}

TEST_P(RmsnormForwardTest, GivesARowOfZerosZeros) {
  std::vector<float> x = wb::random_normal(area(3, 70), 1);
  std::fill(x.begin() + 70, x.begin() + 140, 0.0f);
  expect_norm(x, 3, 70);
}

TEST_P(RmsnormForwardTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) {
    expect_norm(wb::random_normal(area(3, 256), 1), 3, 256, kEpsilon, misalign);
  }
}

TEST_P(RmsnormForwardTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::inout(wb::random_uniform(16, 1));
  float* x = buffer.data();
  expect_bad_pointers_named({"x", "weight", "y", "rstd"}, x, x, x, x, 2, 2, kEpsilon, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, x, 0, 2, kEpsilon, nullptr), wb::Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, 2, -1, kEpsilon, nullptr), wb::Error, "c = -1");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, 2, 2, -1.0f, nullptr), wb::Error, "epsilon = -1");
  EXPECT_TRUE(buffer.check("everything"));
}

// The last row begins past element 2^31.
TEST_P(RmsnormForwardTest, CountsPastTwoToThe31) {
  const std::string why = wb::FarRows::lacking(implementation().name);
  if (!why.empty()) GTEST_SKIP() << why;
  const wb::FarRows far;
  const std::vector<float> weight = wb::random_normal(far.kC, 2, 1.0f, 0.5f);
  wb::DeviceBuffer<float> device_weight(weight), rstd(area(far.n(), 1));
  far.run(
      [&] { run(far.x(), device_weight.data(), far.y(), rstd.data(), far.n(), far.kC, kEpsilon, nullptr); });
  const auto oracle = [&](const std::vector<float>& row) {
    return wb::rmsnorm_oracle(wb::to_double(row), wb::to_double(weight), 1, far.kC, kEpsilon);
  };
  const std::vector<float> got_rstd = {rstd.download().back()};
  EXPECT_TRUE(wb::matches(far.last_of_y(), oracle(far.last_row).y, kForward))
      << far.explain(wb::looks_like(got_rstd, oracle(far.other_row).rstd));
}

WB_TEST_IMPLEMENTATIONS(RmsnormForwardTest, wb::RmsnormForward);

class RmsnormBackwardTest : public wb::ImplementationTest<wb::RmsnormBackward> {
 protected:
  enum class What { kDx, kEverything };

  // dx holds NaN before the call, dweight random numbers that the gradient adds to.
  void expect_gradient(int n, int c, std::size_t misalign = 0, What what = What::kEverything) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", c = " + std::to_string(c));
    const std::vector<float> x = wb::random_normal(area(n, c), 1), dy = wb::random_normal(area(n, c), 2);
    const std::vector<float> weight = wb::random_normal(area(1, c), 3, 1.0f, 0.5f);
    const std::vector<float> before = wb::random_normal(area(1, c), 4);
    const auto forward = wb::rmsnorm_oracle(wb::to_double(x), wb::to_double(weight), n, c, kEpsilon);
    const std::vector<float> rstd(forward.rstd.begin(), forward.rstd.end());
    auto expected = wb::rmsnorm_backward_oracle(wb::to_double(dy), wb::to_double(x), wb::to_double(weight),
                                                wb::to_double(rstd), n, c);
    for (std::size_t i = 0; i < before.size(); ++i) expected.dweight[i] += before[i];

    auto device_dy = wb::GuardedBuffer<float>::input(dy, misalign);
    auto device_x = wb::GuardedBuffer<float>::input(x, misalign);
    auto device_weight = wb::GuardedBuffer<float>::input(weight, misalign);
    auto device_rstd = wb::GuardedBuffer<float>::input(rstd, misalign);
    auto dx = wb::GuardedBuffer<float>::output(x.size(), misalign);
    auto dweight = wb::GuardedBuffer<float>::inout(before, misalign);
    auto scratch = wb::GuardedBuffer<float>::output(wb::rmsnorm_backward_scratch(c), misalign);
    run(device_dy.data(), device_x.data(), device_weight.data(), device_rstd.data(), dx.data(),
        dweight.data(), scratch.data(), n, c, nullptr);
    EXPECT_TRUE(wb::matches(dx.download(), expected.dx, dx_tolerance(rstd), {{n, c}}))
        << wb::explain_rmsnorm_dx(dx.download(), wb::to_double(dy), wb::to_double(x), wb::to_double(weight),
                                  wb::to_double(rstd))
        << "\ndx";
    if (what == What::kEverything) {
      EXPECT_TRUE(wb::matches(dweight.download(), expected.dweight, dweight_tolerance(n), {{c}, 0, before}))
          << wb::explain_rmsnorm_dweight(dweight.download(), before, wb::to_double(dy), wb::to_double(x))
          << "\ndweight";
    }
    EXPECT_TRUE(dx.check("dx"));
    EXPECT_TRUE(dweight.check("dweight"));
    EXPECT_TRUE(scratch.check("scratch"));
    EXPECT_TRUE(device_dy.check("dy"));
    EXPECT_TRUE(device_x.check("x"));
    EXPECT_TRUE(device_weight.check("weight"));
    EXPECT_TRUE(device_rstd.check("rstd"));
  }
};

TEST_P(RmsnormBackwardTest, DifferentiatesByX) {
  expect_gradient(4, 64, 0, What::kDx);
}

TEST_P(RmsnormBackwardTest, AddsOneRowToTheWeights) {
  expect_gradient(1, 64);
}

TEST_P(RmsnormBackwardTest, AddsManyRowsToTheWeights) {
  expect_gradient(1000, 64);
}

TEST_P(RmsnormBackwardTest, DifferentiatesRowsOfEveryLength) {
  const std::vector<int> few = {1, 2, 31, 33, 255, 257, 1024, 1025, 2048, 4100, 8192, 8193, 33000};
  for (const int c : wb::unless_inspected(row_lengths(), few)) {
    expect_gradient(c > 8192 ? wb::unless_inspected(3, 1) : 3, c);  // long rows have blocks of their own
    if (HasFailure()) return;                                       // one length explains enough
  }
}

TEST_P(RmsnormBackwardTest, DifferentiatesLongRowsOnASmallerGpu) {
  const wb::SmallerSharedMemory gpu(wb::kLeastSharedMemory);
  expect_gradient(wb::unless_inspected(3, 2), wb::unless_inspected(32768, 20000));
}

TEST_P(RmsnormBackwardTest, SumsAnyNumberOfRows) {
  for (const int n : wb::unless_inspected(wb::edge_sizes(), {1, 2, 31, 32, 33, 100, 256, 257, 1025})) {
    expect_gradient(n, 36);
    if (HasFailure()) return;  // one number explains enough
  }
}

// More rows than partial sums fit into scratch, whichever way an implementation divides it.
TEST_P(RmsnormBackwardTest, SumsMoreRowsThanScratchHolds) {
  expect_gradient(2 * wb::kRmsnormPartials + 7, 1);
  expect_gradient(wb::unless_inspected(5, 3) * wb::kRmsnormPartials + 7, 5);
}

TEST_P(RmsnormBackwardTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) expect_gradient(5, 256, misalign);
}

TEST_P(RmsnormBackwardTest, GivesTheSameBitsEveryTime) {
  constexpr int kN = 300, kC = 100;
  wb::DeviceBuffer<float> dy(wb::random_normal(kN * kC, 1)), x(wb::random_normal(kN * kC, 2));
  wb::DeviceBuffer<float> weight(wb::random_normal(kC, 3)), rstd(wb::random_uniform(kN, 4, 0.5f, 2.0f));
  wb::DeviceBuffer<float> dx(kN * kC), scratch(wb::rmsnorm_backward_scratch(kC));
  std::vector<float> first_dx, first_dweight;
  for (int repetition = 0; repetition < 3; ++repetition) {
    wb::DeviceBuffer<float> dweight(std::vector<float>(kC, 0.0f));
    run(dy.data(), x.data(), weight.data(), rstd.data(), dx.data(), dweight.data(), scratch.data(), kN, kC,
        nullptr);
    if (repetition == 0) {
      first_dx = dx.download();
      first_dweight = dweight.download();
    }
    EXPECT_EQ(dx.download(), first_dx);
    EXPECT_EQ(dweight.download(), first_dweight);
  }
}

TEST_P(RmsnormBackwardTest, CountsPastTwoToThe31) {
  using wb::FarGradientRows;
  constexpr int kC = FarGradientRows::kC;
  const std::string why = FarGradientRows::lacking(implementation().name, wb::rmsnorm_backward_scratch(kC));
  if (!why.empty()) GTEST_SKIP() << why;
  const FarGradientRows far(wb::rmsnorm_backward_scratch(kC));
  const std::vector<float> weight = wb::random_normal(kC, 3, 1.0f, 0.5f), before = wb::random_normal(kC, 4);
  const std::vector<float> rstd = wb::random_uniform(far.kN, 5, 0.5f, 2.0f), last_rstd = {rstd.back()};
  wb::DeviceBuffer<float> device_weight(weight), device_rstd(rstd), dweight(before);
  std::vector<float> got;
  far.run_until(
      {1, 2, 3},
      [&] {
        run(far.dy(), far.x(), device_weight.data(), device_rstd.data(), far.dx(), dweight.data(),
            far.scratch(), far.kN, kC, nullptr);
      },
      [&] {
        got = dweight.download();
        return !far.last_row_left_out(got != before);
      });

  const auto expected = wb::rmsnorm_backward_oracle(wb::to_double(far.dy_row), wb::to_double(far.x_row),
                                                    wb::to_double(weight), wb::to_double(last_rstd), 1, kC);
  if (far.last_row_left_out(got != before)) GTEST_SKIP() << far.kLeftOut;
  EXPECT_TRUE(wb::matches(far.seen_of_dx(), far.seen(expected.dx), dx_tolerance(last_rstd)))
      << "dx" << far.explain();
  EXPECT_TRUE(far.gradient_matches(got, before, expected.dweight, dweight_tolerance(1)))
      << "dweight" << far.explain();
}

TEST_P(RmsnormBackwardTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::inout(wb::random_uniform(wb::rmsnorm_backward_scratch(2), 1));
  float* x = buffer.data();
  expect_bad_pointers_named({"dy", "x", "weight", "rstd", "dx", "dweight", "scratch"}, x, x, x, x, x, x, x, 2,
                            2, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, x, 0, 2, nullptr), wb::Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, x, x, 2, -1, nullptr), wb::Error, "c = -1");
  EXPECT_TRUE(buffer.check("everything"));
}

WB_TEST_IMPLEMENTATIONS(RmsnormBackwardTest, wb::RmsnormBackward);

// f = sum of y times fixed weights: those weights are its upstream gradient. x and weight are tested in turn.
TEST(RmsnormOracle, GradientMatchesCentralDifferences) {
  constexpr int kN = 4, kC = 9;
  const std::vector<double> x = wb::to_double(wb::random_normal(kN * kC, 1));
  const std::vector<double> weight = wb::to_double(wb::random_normal(kC, 2, 1.0f, 0.5f));
  const std::vector<double> dy = wb::to_double(wb::random_normal(kN * kC, 3));
  const auto f = [&](std::span<const double> at_x, std::span<const double> at_weight) {
    const std::vector<double> y = wb::rmsnorm_oracle(at_x, at_weight, kN, kC, kEpsilon).y;
    return std::inner_product(y.begin(), y.end(), dy.begin(), 0.0);
  };
  const auto gradient = wb::rmsnorm_backward_oracle(
      dy, x, weight, wb::rmsnorm_oracle(x, weight, kN, kC, kEpsilon).rstd, kN, kC);
  EXPECT_TRUE(wb::gradient_matches([&](auto at) { return f(at, weight); }, x, gradient.dx, {1e-8, 1e-7}));
  EXPECT_TRUE(
      wb::gradient_matches([&](auto at) { return f(x, at); }, weight, gradient.dweight, {1e-8, 1e-7}));
}

}  // namespace
