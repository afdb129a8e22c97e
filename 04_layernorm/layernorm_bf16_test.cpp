// Tests of layernorm with bf16 in memory: computed in float from the same rounded inputs as the oracle,
// rounded once.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "04_layernorm/layernorm.h"
#include "04_layernorm/testing/layernorm_oracle.h"
#include "common/core/shared_memory.h"
#include "common/harness/bf16_input.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::area;
using wb::Bf16Input;

constexpr float kEpsilon = 1e-5f;

// Both sides of what implementations change their ways at, and rows that do not fit a block's registers.
std::vector<int> row_lengths() {
  std::vector<int> lengths = wb::edge_sizes();
  for (const int length : {768, 2048, 4104, 8191, 8192, 8200, 16392, 33000}) lengths.push_back(length);
  return lengths;
}

struct Tolerances {
  wb::Tolerance mean{1e-6, 1e-6}, rstd{1e-7, 3e-6}, y{3e-6, wb::kBf16Rounding};
};

class LayernormForwardBf16Test : public wb::ImplementationTest<wb::LayernormForwardBf16> {
 protected:
  void expect_norm(const std::vector<float>& exact, int n, int c, std::size_t misalign = 0,
                   const Tolerances& tolerances = {}) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", c = " + std::to_string(c));
    const Bf16Input x(exact, misalign), gamma(wb::random_normal(area(1, c), 2, 1.0f, 0.5f), misalign),
        beta(wb::random_normal(area(1, c), 3), misalign);
    const auto expected = wb::layernorm_oracle(x.doubles(), gamma.doubles(), beta.doubles(), n, c, kEpsilon);
    auto y = wb::GuardedBuffer<wb::bf16>::output(area(n, c), misalign);
    auto mean = wb::GuardedBuffer<float>::output(area(n, 1), misalign);
    auto rstd = wb::GuardedBuffer<float>::output(area(n, 1), misalign);
    run(x.buffer.data(), gamma.buffer.data(), beta.buffer.data(), y.data(), mean.data(), rstd.data(), n, c,
        kEpsilon, nullptr);
    EXPECT_TRUE(wb::matches(mean.download(), expected.mean, tolerances.mean, {{n}})) << "mean";
    EXPECT_TRUE(wb::matches(rstd.download(), expected.rstd, tolerances.rstd, {{n}})) << "rstd";
    EXPECT_TRUE(wb::matches(wb::to_float(y.download()), expected.y, tolerances.y, {{n, c}})) << "y";
    EXPECT_TRUE(y.check("y"));
    EXPECT_TRUE(mean.check("mean"));
    EXPECT_TRUE(rstd.check("rstd"));
    EXPECT_TRUE(x.buffer.check("x"));
    EXPECT_TRUE(gamma.buffer.check("gamma"));
    EXPECT_TRUE(beta.buffer.check("beta"));
  }
};

TEST_P(LayernormForwardBf16Test, NormalizesRowsOfEveryLength) {
  for (const int c : row_lengths()) {
    expect_norm(wb::random_normal(area(3, c), 1), 3, c);
    if (HasFailure()) return;  // one length explains enough
  }
}

TEST_P(LayernormForwardBf16Test, NormalizesAnyNumberOfRows) {
  for (const int n : {1, 2, 5, 33, 100}) expect_norm(wb::random_normal(area(n, 72), 1), n, 72);
}

// bf16 near 1000 are multiples of 4. The variance, about 100, must not drown in 1000^2.
TEST_P(LayernormForwardBf16Test, KeepsASmallSpreadBesideALargeMean) {
  const Tolerances tolerances{{0.0, 5e-7}, {0.0, 5e-4}, {1e-3, wb::kBf16Rounding + 1e-3}};
  for (const int c : {32, 1000, 8192, 33000}) {
    expect_norm(wb::random_normal(area(3, c), 1, 1000.0f, 10.0f), 3, c, 0, tolerances);
  }
}

TEST_P(LayernormForwardBf16Test, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 4, 7}) {
    expect_norm(wb::random_normal(area(3, 256), 1), 3, 256, misalign);
  }
}

TEST_P(LayernormForwardBf16Test, NormalizesLongRowsOnASmallerGpu) {
  const wb::SmallerSharedMemory gpu(wb::kLeastSharedMemory);
  expect_norm(wb::random_normal(area(2, 20000), 1), 2, 20000);
}

TEST_P(LayernormForwardBf16Test, NormalizesInPlace) {
  for (const int c : {100, 1024, 20000}) {
    SCOPED_TRACE("y is x, c = " + std::to_string(c));
    const std::vector<float> x = wb::random_normal(area(3, c), 1);
    const Bf16Input gamma(wb::random_normal(area(1, c), 2, 1.0f, 0.5f)),
        beta(wb::random_normal(area(1, c), 3));
    auto y = wb::GuardedBuffer<wb::bf16>::inout(wb::to_bf16(x));
    wb::DeviceBuffer<float> mean(3), rstd(3);
    run(y.data(), gamma.buffer.data(), beta.buffer.data(), y.data(), mean.data(), rstd.data(), 3, c, kEpsilon,
        nullptr);
    const auto expected = wb::layernorm_oracle(wb::to_double(wb::rounded_to_bf16(x)), gamma.doubles(),
                                               beta.doubles(), 3, c, kEpsilon);
    EXPECT_TRUE(wb::matches(wb::to_float(y.download()), expected.y, Tolerances{}.y, {{3, c}}));
    EXPECT_TRUE(y.check("y"));
  }
}

TEST_P(LayernormForwardBf16Test, RejectsBadArguments) {
  wb::DeviceBuffer<wb::bf16> buffer(16);
  wb::DeviceBuffer<float> floats(2);
  wb::bf16* x = buffer.data();
  float* f = floats.data();
  expect_bad_pointers_named({"x", "gamma", "beta", "y", "mean", "rstd"}, x, x, x, x, f, f, 2, 2, kEpsilon,
                            nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, x, f, f, 2, 0, kEpsilon, nullptr), wb::Error, "c = 0");
}

WB_TEST_IMPLEMENTATIONS(LayernormForwardBf16Test, wb::LayernormForwardBf16);

class LayernormBackwardBf16Test : public wb::ImplementationTest<wb::LayernormBackwardBf16> {
 protected:
  // dx holds NaN before the call, dgamma and dbeta random numbers that the gradient adds to.
  void expect_gradient(int n, int c, std::size_t misalign = 0) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", c = " + std::to_string(c));
    const Bf16Input dy(wb::random_normal(area(n, c), 2), misalign),
        x(wb::random_normal(area(n, c), 1, 0.5f), misalign),
        gamma(wb::random_normal(area(1, c), 3, 1.0f, 0.5f), misalign);
    const std::vector<float> dgamma_before = wb::random_normal(area(1, c), 4);
    const std::vector<float> dbeta_before = wb::random_normal(area(1, c), 5);
    const auto forward = wb::layernorm_oracle(x.doubles(), gamma.doubles(), gamma.doubles(), n, c, kEpsilon);
    const std::vector<float> host_mean(forward.mean.begin(), forward.mean.end());
    const std::vector<float> host_rstd(forward.rstd.begin(), forward.rstd.end());
    auto expected = wb::layernorm_backward_oracle(dy.doubles(), x.doubles(), gamma.doubles(),
                                                  wb::to_double(host_mean), wb::to_double(host_rstd), n, c);
    for (std::size_t i = 0; i < dgamma_before.size(); ++i) {
      expected.dgamma[i] += static_cast<double>(dgamma_before[i]);
      expected.dbeta[i] += static_cast<double>(dbeta_before[i]);
    }

    auto mean = wb::GuardedBuffer<float>::input(host_mean, misalign);
    auto rstd = wb::GuardedBuffer<float>::input(host_rstd, misalign);
    auto dx = wb::GuardedBuffer<wb::bf16>::output(area(n, c), misalign);
    auto dgamma = wb::GuardedBuffer<float>::inout(dgamma_before, misalign);
    auto dbeta = wb::GuardedBuffer<float>::inout(dbeta_before, misalign);
    auto scratch = wb::GuardedBuffer<float>::output(wb::layernorm_backward_scratch(n, c), misalign);
    run(dy.buffer.data(), x.buffer.data(), gamma.buffer.data(), mean.data(), rstd.data(), dx.data(),
        dgamma.data(), dbeta.data(), scratch.data(), n, c, nullptr);
    // A row of one or two columns has a rstd of up to 1 / sqrt(epsilon): so much larger are dx and its error.
    const double largest = *std::max_element(forward.rstd.begin(), forward.rstd.end());
    EXPECT_TRUE(wb::matches(wb::to_float(dx.download()), expected.dx,
                            {4e-6 * std::max(1.0, largest), wb::kBf16Rounding + 5e-6}, {{n, c}}))
        << "dx";
    const wb::Tolerance sums{2e-6 * std::sqrt(n) + 2e-8 * n, 1e-5};
    EXPECT_TRUE(wb::matches(dgamma.download(), expected.dgamma, sums, {{c}, 0, dgamma_before})) << "dgamma";
    EXPECT_TRUE(wb::matches(dbeta.download(), expected.dbeta, sums, {{c}, 0, dbeta_before})) << "dbeta";
    EXPECT_TRUE(dx.check("dx"));
    EXPECT_TRUE(dgamma.check("dgamma"));
    EXPECT_TRUE(dbeta.check("dbeta"));
    EXPECT_TRUE(scratch.check("scratch"));
    EXPECT_TRUE(dy.buffer.check("dy"));
    EXPECT_TRUE(x.buffer.check("x"));
    EXPECT_TRUE(gamma.buffer.check("gamma"));
    EXPECT_TRUE(mean.check("mean"));
    EXPECT_TRUE(rstd.check("rstd"));
  }
};

TEST_P(LayernormBackwardBf16Test, DifferentiatesRowsOfEveryLength) {
  for (const int c : wb::unless_inspected(row_lengths(), {1, 33, 264, 1000, 2048, 4104, 8200})) {
    expect_gradient(3, c);
    if (HasFailure()) return;  // one length explains enough
  }
}

// In bf16 a sum of ones stops at 256: dgamma, dbeta and their partial sums must be floats.
TEST_P(LayernormBackwardBf16Test, AddsUpManyRowsInFloat) {
  expect_gradient(wb::unless_inspected(5000, 1000), 8);
}

TEST_P(LayernormBackwardBf16Test, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 4, 7}) expect_gradient(5, 256, misalign);
}

TEST_P(LayernormBackwardBf16Test, DifferentiatesLongRowsOnASmallerGpu) {
  const wb::SmallerSharedMemory gpu(wb::kLeastSharedMemory);
  expect_gradient(2, 20000);
}

TEST_P(LayernormBackwardBf16Test, RejectsBadArguments) {
  wb::DeviceBuffer<wb::bf16> buffer(16);
  wb::DeviceBuffer<float> floats(wb::layernorm_backward_scratch(2, 2));
  wb::bf16* x = buffer.data();
  float* f = floats.data();
  expect_bad_pointers_named({"dy", "x", "gamma", "mean", "rstd", "dx", "dgamma", "dbeta", "scratch"}, x, x, x,
                            f, f, x, f, f, f, 2, 2, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, f, f, x, f, f, f, -1, 2, nullptr), wb::Error, "n = -1");
}

WB_TEST_IMPLEMENTATIONS(LayernormBackwardBf16Test, wb::LayernormBackwardBf16);

}  // namespace
