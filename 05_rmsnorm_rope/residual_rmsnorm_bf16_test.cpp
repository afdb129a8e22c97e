// Tests of residual_rmsnorm with bf16 in memory: y and rstd are of the sum as it is stored.
#include <string>
#include <vector>

#include "05_rmsnorm_rope/residual_rmsnorm.h"
#include "05_rmsnorm_rope/testing/rmsnorm_oracle.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::area;

constexpr float kEpsilon = 1e-5f;

class ResidualRmsnormBf16Test : public wb::ImplementationTest<wb::ResidualRmsnormForwardBf16> {
 protected:
  void expect_norm(int n, int c, std::size_t misalign = 0) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", c = " + std::to_string(c));
    const std::vector<wb::bf16> host_x = wb::to_bf16(wb::random_normal(area(n, c), 1));
    const std::vector<wb::bf16> host_residual = wb::to_bf16(wb::random_normal(area(n, c), 2, 0.5f));
    const std::vector<wb::bf16> host_weight = wb::to_bf16(wb::random_normal(area(1, c), 3, 1.0f, 0.5f));
    // Two bf16 of like size add up exactly in float; then one rounding. Not a tolerance: the very bits.
    std::vector<float> total = wb::to_float(host_x);
    const std::vector<float> more = wb::to_float(host_residual);
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += more[i];
    total = wb::rounded_to_bf16(total);
    const auto expected =
        wb::rmsnorm_oracle(wb::to_double(total), wb::to_double(wb::to_float(host_weight)), n, c, kEpsilon);

    auto x = wb::GuardedBuffer<wb::bf16>::input(host_x, misalign);
    auto residual = wb::GuardedBuffer<wb::bf16>::input(host_residual, misalign);
    auto weight = wb::GuardedBuffer<wb::bf16>::input(host_weight, misalign);
    auto sum = wb::GuardedBuffer<wb::bf16>::output(area(n, c), misalign);
    auto y = wb::GuardedBuffer<wb::bf16>::output(area(n, c), misalign);
    auto rstd = wb::GuardedBuffer<float>::output(area(n, 1), misalign);
    run(x.data(), residual.data(), weight.data(), sum.data(), y.data(), rstd.data(), n, c, kEpsilon, nullptr);
    EXPECT_TRUE(wb::matches(wb::to_float(sum.download()), wb::to_double(total), {0.0, 0.0}, {{n, c}}))
        << "sum";
    EXPECT_TRUE(wb::matches(rstd.download(), expected.rstd, {1e-7, 3e-6}, {{n}})) << "rstd of the stored sum";
    EXPECT_TRUE(wb::matches(wb::to_float(y.download()), expected.y, {1e-6, wb::kBf16Rounding}, {{n, c}}))
        << "y";
    EXPECT_TRUE(sum.check("sum"));
    EXPECT_TRUE(y.check("y"));
    EXPECT_TRUE(rstd.check("rstd"));
    EXPECT_TRUE(x.check("x"));
    EXPECT_TRUE(residual.check("residual"));
    EXPECT_TRUE(weight.check("weight"));
  }
};

TEST_P(ResidualRmsnormBf16Test, NormalizesTheStoredSum) {
  expect_norm(100, 64);
}

TEST_P(ResidualRmsnormBf16Test, NormalizesRowsOfEveryLength) {
  std::vector<int> lengths = wb::edge_sizes();
  for (const int length : {4096, 4104, 8191, 8192, 33000}) lengths.push_back(length);
  for (const int c : lengths) {
    expect_norm(3, c);
    if (HasFailure()) return;  // one length explains enough
  }
}

TEST_P(ResidualRmsnormBf16Test, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 4, 7}) expect_norm(3, 256, misalign);
}

TEST_P(ResidualRmsnormBf16Test, RejectsBadArguments) {
  wb::DeviceBuffer<wb::bf16> buffer(16);
  wb::DeviceBuffer<float> rstd(2);
  wb::bf16* x = buffer.data();
  float* r = rstd.data();
  expect_bad_pointers_named({"x", "residual", "weight", "sum", "y", "rstd"}, x, x, x, x, x, r, 2, 2, kEpsilon,
                            nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, r, 2, 0, kEpsilon, nullptr), wb::Error, "c = 0");
}

WB_TEST_IMPLEMENTATIONS(ResidualRmsnormBf16Test, wb::ResidualRmsnormForwardBf16);

}  // namespace
