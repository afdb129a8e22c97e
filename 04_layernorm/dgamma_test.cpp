// Tests of dgamma, in the order of the lesson's steps: the untouched starter fails at the first.
#include "04_layernorm/dgamma.h"

#include <cmath>
#include <string>
#include <vector>

#include "04_layernorm/layernorm.h"
#include "04_layernorm/testing/dgamma_oracle.h"
#include "common/core/device_buffer.h"
#include "common/harness/far_gradient_rows.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"
#include "common/harness/inspection.h"
#include "common/harness/runtime_calls.h"
#include "common/harness/sizes.h"

namespace {

using wb::area;

class DgammaTest : public wb::ImplementationTest<wb::Dgamma> {
 protected:
  void expect_dgamma(int n, int c, std::size_t misalign = 0) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", c = " + std::to_string(c));
    const auto rows = static_cast<std::size_t>(n), columns = static_cast<std::size_t>(c);
    expect_dgamma({wb::random_normal(area(n, c), 1), wb::random_normal(area(n, c), 2, 0.5f),
                   wb::random_normal(rows, 3, 0.5f, 0.1f), wb::random_uniform(rows, 4, 0.5f, 2.0f),
                   wb::random_normal(columns, 5)},
                  n, c, misalign);
  }

  void expect_dgamma(const wb::DgammaInput& in, int n, int c, std::size_t misalign = 0) {
    const auto dy = wb::GuardedBuffer<float>::input(in.dy, misalign),
               x = wb::GuardedBuffer<float>::input(in.x, misalign),
               mean = wb::GuardedBuffer<float>::input(in.mean, misalign),
               rstd = wb::GuardedBuffer<float>::input(in.rstd, misalign);
    auto dgamma = wb::GuardedBuffer<float>::inout(in.before, misalign);
    ASSERT_NO_THROW(run(dy.data(), x.data(), mean.data(), rstd.data(), dgamma.data(), n, c, nullptr));
    const wb::Tolerance tolerance{1e-5 + 2e-6 * std::sqrt(n) + 2e-7 * n, 2e-6};
    EXPECT_TRUE(wb::matches(dgamma.download(), wb::dgamma_oracle(in, n, c), tolerance, {{c}, 0, in.before}))
        << wb::explain_dgamma(dgamma.download(), in, n, c);
    EXPECT_TRUE(dgamma.check("dgamma"));
    EXPECT_TRUE(dy.check("dy"));
    EXPECT_TRUE(x.check("x"));
  }

  // What of n rows, each of which adds 1, arrives in a dgamma of 2^exponent. There a float is a multiple of
  // 2^(exponent - 23), and an addition of at most half of that changes nothing.
  double arrived(int n, int exponent) {
    constexpr int kC = 32;
    const wb::DeviceBuffer<float> dy(std::vector<float>(area(n, kC), 1.0f)),
        x(std::vector<float>(area(n, kC), 1.0f)), mean(std::vector<float>(static_cast<std::size_t>(n), 0.0f)),
        rstd(std::vector<float>(static_cast<std::size_t>(n), 1.0f));
    const float before = std::ldexp(1.0f, exponent);
    wb::DeviceBuffer<float> dgamma(std::vector<float>(kC, before));
    run(dy.data(), x.data(), mean.data(), rstd.data(), dgamma.data(), n, kC, nullptr);
    return static_cast<double>(dgamma.download().at(kC / 2)) - static_cast<double>(before);
  }

  // More than half must arrive: then an addition stands for more rows than are absorbed.
  void expect_sums_before_additions(int exponent) {
    constexpr int kRows = 4096;
    const int absorbed = 1 << (exponent - 24);
    const double found = arrived(kRows, exponent);
    EXPECT_TRUE(found > kRows / 2 && found < 2 * kRows)
        << kRows << " rows add 1 each to a dgamma of 2^" << exponent << ", where floats are " << 2 * absorbed
        << " apart: " << found << " arrived. An addition of at most " << absorbed
        << " is absorbed there, so add up the terms of more than " << absorbed
        << " rows before you add to dgamma";
  }
};

TEST_P(DgammaTest, AddsUpEachColumn) {
  for (const auto& [n, c] : {std::pair{1, 1}, {3, 5}, {8, 32}, {33, 100}, {300, 257}, {1000, 31}}) {
    expect_dgamma(n, c);
    if (HasFailure()) return;  // one size explains enough
  }
}

TEST_P(DgammaTest, AddsUpManyRows) {
  for (const int n : {255, 256, 257, 2048, wb::unless_inspected(20000, 3000)}) {
    expect_dgamma(n, 33);
    if (HasFailure()) return;
  }
  SCOPED_TRACE("right with fewer rows: of so many, a block may have more than before");
  expect_dgamma(wb::unless_inspected(140'001, 3000), 2);
}

// x - mean is exact where x is close to it. x rstd and mean rstd are rounded before they are subtracted.
TEST_P(DgammaTest, KeepsTheDigitsOfRowsFarFromZero) {
  constexpr int kN = 500, kC = 40;
  const wb::DgammaInput in{wb::random_normal(area(kN, kC), 1), wb::random_normal(area(kN, kC), 2, 30000.0f),
                           wb::random_normal(kN, 3, 30000.0f, 0.1f), wb::random_uniform(kN, 4, 0.5f, 2.0f),
                           wb::random_normal(kC, 5)};
  SCOPED_TRACE("x and mean are around 30000. Is the mean subtracted first, before anything is multiplied?");
  expect_dgamma(in, kN, kC);
}

// As many columns as a grid has blocks in y of 32 columns each, and some more.
TEST_P(DgammaTest, TakesManyColumns) {
  constexpr int kC = 65535 * 32 + 33;
  const auto full = [](float value) { return wb::DeviceBuffer<float>(std::vector<float>(kC, value)); };
  const wb::DeviceBuffer<float> dy = full(2.0f), x = full(5.0f), mean(std::vector<float>(1, 1.0f)),
                                rstd(std::vector<float>(1, 0.5f));
  wb::DeviceBuffer<float> dgamma = full(10.0f);
  {
    const wb::OnlyEndBlocks ends({0, 1});
    run(dy.data(), x.data(), mean.data(), rstd.data(), dgamma.data(), 1, kC, nullptr);
  }
  EXPECT_EQ(dgamma.download().back(), 14.0f) << "the last of " << kC << " columns";
}

TEST_P(DgammaTest, KeepsNanInItsColumn) {
  constexpr int kN = 300, kC = 70;
  wb::DgammaInput in{wb::random_normal(area(kN, kC), 6), wb::random_normal(area(kN, kC), 7),
                     wb::random_normal(kN, 8), wb::random_uniform(kN, 9, 0.5f, 2.0f),
                     wb::random_normal(kC, 10)};
  in.dy[area(200, kC) + 40] = std::nanf("");
  const wb::DeviceBuffer<float> dy(in.dy), x(in.x), mean(in.mean), rstd(in.rstd);
  wb::DeviceBuffer<float> dgamma(in.before);
  run(dy.data(), x.data(), mean.data(), rstd.data(), dgamma.data(), kN, kC, nullptr);
  const std::vector<float> got = dgamma.download();
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(std::isnan(got[i]), i == 40) << "column " << i;
}

TEST_P(DgammaTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) {
    expect_dgamma(40, 64, misalign);
    if (HasFailure()) return;
  }
}

TEST_P(DgammaTest, DividesTheRows) {
  if (implementation().name == "column_loop") GTEST_SKIP() << "column_loop has a thread per column";
  constexpr int kN = 4096, kC = 32;
  constexpr std::size_t kFewestBlocks = 8;
  const wb::DeviceBuffer<float> dy(wb::random_normal(area(kN, kC), 11)),
      x(wb::random_normal(area(kN, kC), 12)), mean(wb::random_normal(kN, 13)),
      rstd(wb::random_uniform(kN, 14));
  wb::DeviceBuffer<float> dgamma(std::vector<float>(kC, 0.0f));
  wb::RuntimeCalls calls;
  run(dy.data(), x.data(), mean.data(), rstd.data(), dgamma.data(), kN, kC, nullptr);
  calls.stop();
  std::size_t blocks = 0;
  for (const wb::RuntimeCall& launch : calls.of(wb::CallKind::kLaunch)) {
    blocks += std::size_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  }
  EXPECT_TRUE(blocks >= kFewestBlocks)
      << kN << " rows of " << kC << " columns are added up by " << blocks
      << (blocks == 1 ? " block" : " blocks")
      << ", so most of a GPU is idle: let many blocks share the rows of a column";
}

TEST_P(DgammaTest, AddsUpInRegistersFirst) {
  if (implementation().name == "atomics_per_row") GTEST_SKIP() << "atomics_per_row adds each term to dgamma";
  expect_sums_before_additions(27);  // more than 8 rows
}

TEST_P(DgammaTest, AddsOncePerBlock) {
  if (implementation().name == "atomics_per_row") GTEST_SKIP() << "atomics_per_row adds each term to dgamma";
  expect_sums_before_additions(30);  // more than 64 rows
}

// The last row begins past element 2^31.
TEST_P(DgammaTest, CountsPastTwoToThe31) {
  constexpr int kN = wb::FarGradientRows::kN, kC = wb::FarGradientRows::kC;
  const std::string why = wb::FarGradientRows::lacking(implementation().name, 1);
  if (!why.empty()) GTEST_SKIP() << why;
  const wb::FarGradientRows far(1);
  const std::vector<float> before = wb::random_normal(kC, 15);
  const std::vector<float> mean = wb::random_normal(kN, 16, 0.0f, 0.1f),
                           rstd = wb::random_uniform(kN, 17, 0.5f, 2.0f);
  const wb::DeviceBuffer<float> device_mean(mean), device_rstd(rstd);
  wb::DeviceBuffer<float> dgamma(before);
  std::vector<float> got;
  // Blocks may own 32 columns each: then so many of them end the grid with the same rows.
  far.run_until(
      {1, 2, kC / 32 + 1},
      [&] { run(far.dy(), far.x(), device_mean.data(), device_rstd.data(), dgamma.data(), kN, kC, nullptr); },
      [&] {
        got = dgamma.download();
        return got != before;
      });
  if (wb::device_is_cpu() && got == before) GTEST_SKIP() << far.kLeftOut;
  const wb::DgammaInput last{far.dy_row, far.x_row, {mean.back()}, {rstd.back()}, std::vector<float>(kC)};
  EXPECT_TRUE(far.gradient_matches(got, before, wb::dgamma_oracle(last, 1, kC), {2e-6, 1e-5}))
      << far.explain();
}

TEST_P(DgammaTest, RejectsBadArguments) {
  wb::DeviceBuffer<float> buffer(wb::random_uniform(16, 1));
  float* x = buffer.data();
  expect_bad_pointers_named({"dy", "x", "mean", "rstd", "dgamma"}, x, x, x, x, x, 2, 2, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, 0, 2, nullptr), wb::Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, 2, -1, nullptr), wb::Error, "c = -1");
  EXPECT_THROW_MESSAGE(run(x, x, x, x, x, 2, wb::kLayernormMaxColumns + 1, nullptr), wb::Error,
                       "c = 16777217");
}

WB_TEST_IMPLEMENTATIONS(DgammaTest, wb::Dgamma);

}  // namespace
