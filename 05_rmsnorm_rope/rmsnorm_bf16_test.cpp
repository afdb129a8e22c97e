// Tests of rmsnorm with bf16 in memory: computed in float from the same rounded
// inputs as the oracle, rounded once.
#include <algorithm>
#include <cmath>

#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/testing/rmsnorm_oracle.h"
#include "common/harness/bf16_input.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::area;
using wb::Bf16Input;

constexpr float kEpsilon = 1e-5f;
constexpr wb::Tolerance kRstd{1e-7, 3e-6}, kY{1e-6, wb::kBf16Rounding};

// Both sides of what implementations change their ways at.
std::vector<int> row_lengths() {
  std::vector<int> lengths = wb::edge_sizes();
  for (const int length : {2048, 4096, 4104, 8191, 8192, 8200, 33000}) lengths.push_back(length);
  return lengths;
}

class RmsnormForwardBf16Test : public wb::ImplementationTest<wb::RmsnormForwardBf16> {
 protected:
  void expect_norm(int n, int c, std::size_t misalign = 0) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", c = " + std::to_string(c));
    Bf16Input x(wb::random_normal(area(n, c), 1), misalign),
        weight(wb::random_normal(area(1, c), 2, 1.0f, 0.5f), misalign);
    const auto expected = wb::rmsnorm_oracle(x.doubles(), weight.doubles(), n, c, kEpsilon);
    auto y = wb::GuardedBuffer<wb::bf16>::output(area(n, c), misalign);
    auto rstd = wb::GuardedBuffer<float>::output(area(n, 1), misalign);
    run(x.buffer.data(), weight.buffer.data(), y.data(), rstd.data(), n, c, kEpsilon, nullptr);
    EXPECT_TRUE(wb::matches(rstd.download(), expected.rstd, kRstd, {{n}})) << "rstd";
    EXPECT_TRUE(wb::matches(wb::to_float(y.download()), expected.y, kY, {{n, c}})) << "y";
    EXPECT_TRUE(y.check("y"));
    EXPECT_TRUE(rstd.check("rstd"));
    EXPECT_TRUE(x.buffer.check("x"));
    EXPECT_TRUE(weight.buffer.check("weight"));
  }
};

TEST_P(RmsnormForwardBf16Test, NormalizesEachRow) {
  expect_norm(100, 64);
}

TEST_P(RmsnormForwardBf16Test, NormalizesRowsOfEveryLength) {
  for (const int c : row_lengths()) {
    expect_norm(3, c);
    if (HasFailure()) return;  // one length explains enough
  }
}

TEST_P(RmsnormForwardBf16Test, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 4, 7}) expect_norm(3, 256, misalign);
}

TEST_P(RmsnormForwardBf16Test, RejectsBadArguments) {
  wb::DeviceBuffer<wb::bf16> buffer(16);
  wb::DeviceBuffer<float> rstd(2);
  wb::bf16* x = buffer.data();
  expect_bad_pointers_named({"x", "weight", "y", "rstd"}, x, x, x, rstd.data(), 2, 2, kEpsilon, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, rstd.data(), 2, 0, kEpsilon, nullptr), wb::Error, "c = 0");
}

WB_TEST_IMPLEMENTATIONS(RmsnormForwardBf16Test, wb::RmsnormForwardBf16);

class RmsnormBackwardBf16Test : public wb::ImplementationTest<wb::RmsnormBackwardBf16> {
 protected:
  // dx holds NaN before the call, dweight random numbers that the gradient adds to.
  void expect_gradient(int n, int c, std::size_t misalign = 0) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", c = " + std::to_string(c));
    Bf16Input dy(wb::random_normal(area(n, c), 2), misalign), x(wb::random_normal(area(n, c), 1), misalign);
    Bf16Input weight(wb::random_normal(area(1, c), 3, 1.0f, 0.5f), misalign);
    const std::vector<float> before = wb::random_normal(area(1, c), 4);
    const auto forward = wb::rmsnorm_oracle(x.doubles(), weight.doubles(), n, c, kEpsilon);
    const std::vector<float> host_rstd(forward.rstd.begin(), forward.rstd.end());
    auto expected = wb::rmsnorm_backward_oracle(dy.doubles(), x.doubles(), weight.doubles(),
                                                wb::to_double(host_rstd), n, c);
    for (std::size_t i = 0; i < before.size(); ++i) expected.dweight[i] += static_cast<double>(before[i]);

    auto rstd = wb::GuardedBuffer<float>::input(host_rstd, misalign);
    auto dx = wb::GuardedBuffer<wb::bf16>::output(area(n, c), misalign);
    auto dweight = wb::GuardedBuffer<float>::inout(before, misalign);
    auto scratch = wb::GuardedBuffer<float>::output(wb::rmsnorm_backward_scratch(c), misalign);
    run(dy.buffer.data(), x.buffer.data(), weight.buffer.data(), rstd.data(), dx.data(), dweight.data(),
        scratch.data(), n, c, nullptr);
    // dx is a difference of two terms of the order of 1, times rstd, which is large where a row is small.
    const double largest = *std::max_element(forward.rstd.begin(), forward.rstd.end());
    const wb::Tolerance tolerance{2e-6 * std::max(1.0, largest), wb::kBf16Rounding};
    EXPECT_TRUE(wb::matches(wb::to_float(dx.download()), expected.dx, tolerance, {{n, c}})) << "dx";
    EXPECT_TRUE(wb::matches(dweight.download(), expected.dweight, {1e-6 * std::sqrt(n) + 2e-8 * n, 1e-5},
                            {{c}, 0, before}))
        << "dweight";
    EXPECT_TRUE(dx.check("dx"));
    EXPECT_TRUE(dweight.check("dweight"));
    EXPECT_TRUE(scratch.check("scratch"));
    EXPECT_TRUE(dy.buffer.check("dy"));
    EXPECT_TRUE(x.buffer.check("x"));
    EXPECT_TRUE(weight.buffer.check("weight"));
    EXPECT_TRUE(rstd.check("rstd"));
  }
};

TEST_P(RmsnormBackwardBf16Test, DifferentiatesManyRows) {
  expect_gradient(100, 64);
}

TEST_P(RmsnormBackwardBf16Test, DifferentiatesRowsOfEveryLength) {
  const std::vector<int> few = {1, 2, 33, 264, 1000, 2048, 4104, 8191, 8200, 33000};
  for (const int c : wb::unless_inspected(row_lengths(), few)) {
    expect_gradient(c > 8192 ? wb::unless_inspected(3, 1) : 3, c);
    if (HasFailure()) return;  // one length explains enough
  }
}

// In bf16 a sum of ones stops at 256: dweight and its partial sums must be floats.
TEST_P(RmsnormBackwardBf16Test, AddsUpManyRowsInFloat) {
  expect_gradient(wb::unless_inspected(5000, 1500), 8);
}

TEST_P(RmsnormBackwardBf16Test, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 4, 7}) expect_gradient(5, 256, misalign);
}

TEST_P(RmsnormBackwardBf16Test, RejectsBadArguments) {
  wb::DeviceBuffer<wb::bf16> buffer(16);
  wb::DeviceBuffer<float> floats(wb::rmsnorm_backward_scratch(2));
  wb::bf16* x = buffer.data();
  float* f = floats.data();
  expect_bad_pointers_named({"dy", "x", "weight", "rstd", "dx", "dweight", "scratch"}, x, x, x, f, x, f, f, 2,
                            2, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, f, x, f, f, -1, 2, nullptr), wb::Error, "n = -1");
}

WB_TEST_IMPLEMENTATIONS(RmsnormBackwardBf16Test, wb::RmsnormBackwardBf16);

}  // namespace
