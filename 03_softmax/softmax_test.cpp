// Tests of softmax and its gradient, in the order in which one would make them pass.
#include "03_softmax/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "03_softmax/testing/softmax_diagnosis.h"
#include "03_softmax/testing/softmax_oracle.h"
#include "common/core/device_info.h"
#include "common/core/shared_memory.h"
#include "common/harness/diagnosis.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"
#include "common/harness/inspection.h"

namespace {

using wb::area;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// An exponential of x - max is known to about 6e-8 |x - max| of itself: inputs differ by less than 20 here.
constexpr wb::Tolerance kForward{1e-9, 5e-6};
// y (dy - dot): the difference loses what dy and dot, both of the order of 1, have in common.
constexpr wb::Tolerance kBackward{2e-7, 5e-6};

// Both sides of what fits a warp, a block, registers, and what does not.
std::vector<int> row_lengths() {
  std::vector<int> lengths = wb::edge_sizes();
  for (const int length : {2047, 2048, 2049, 2052, 4099, 8192, 16388, 32767, 32768, 32769, 100000}) {
    lengths.push_back(length);
  }
  return lengths;
}

class SoftmaxForwardTest : public wb::ImplementationTest<wb::SoftmaxForward> {
 protected:
  std::vector<float> softmax(const std::vector<float>& x, int rows, int columns, std::size_t misalign = 0) {
    auto in = wb::GuardedBuffer<float>::input(x, misalign);
    auto out = wb::GuardedBuffer<float>::output(x.size(), misalign);
    run(in.data(), out.data(), rows, columns, nullptr);
    EXPECT_TRUE(out.check("y"));
    EXPECT_TRUE(in.check("x"));
    return out.download();
  }

  void expect_softmax(const std::vector<float>& x, int rows, int columns, std::size_t misalign = 0) {
    SCOPED_TRACE("rows = " + std::to_string(rows) + ", columns = " + std::to_string(columns));
    const std::vector<double> expected = wb::softmax_oracle(wb::to_double(x), rows, columns);
    const std::vector<float> y = softmax(x, rows, columns, misalign);
    EXPECT_TRUE(wb::matches(y, expected, kForward, {.dims = {rows, columns}, .has_edges = false}))
        << explain(y, expected, columns);
  }

 private:
  std::string explain(const std::vector<float>& y, const std::vector<double>& expected, int columns) {
    if (std::any_of(y.begin(), y.end(), wb::detail::is_poison)) return {};
    return threads_disagree() ? std::string("\n  softmax: a row of equal numbers gets unequal ones: ") +
                                    wb::detail::kThreadsDisagree
                              : wb::explain_softmax(y, expected, columns);
  }

  // In a row of equal numbers every thread has the same to do, and only a race makes their results differ.
  // What shared memory holds from before, of another row or run, is another number. On a GPU a race need not
  // show in each run.
  bool threads_disagree() {
    constexpr int kColumns = 1024;
    const int rows = wb::device_is_cpu() ? 64 : 1024, repeats = wb::device_is_cpu() ? 1 : 20;
    std::vector<float> x(area(rows, kColumns));
    for (int repeat = 0; repeat < repeats; ++repeat) {
      const auto first = static_cast<std::size_t>(repeat);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>((first + i / kColumns) * 37 % 19);
      const std::vector<float> y = softmax(x, rows, kColumns);
      if (std::any_of(y.begin(), y.end(), wb::detail::is_poison)) return false;
      for (std::size_t i = 0; i < y.size(); ++i) {
        const float other = y[i / kColumns * kColumns];
        if (y[i] != other && !(std::isnan(y[i]) && std::isnan(other))) return true;
      }
    }
    return false;
  }
};

TEST_P(SoftmaxForwardTest, NormalizesOneRow) {
  expect_softmax(wb::random_normal(32, 1), 1, 32);
}

TEST_P(SoftmaxForwardTest, NormalizesEachRow) {
  expect_softmax(wb::random_normal(100 * 64, 1, 0, 3), 100, 64);
}

TEST_P(SoftmaxForwardTest, NormalizesRowsOfEveryLength) {
  for (const int columns : row_lengths()) {
    const int rows = columns > 4096 ? 2 : 3;
    expect_softmax(wb::random_normal(area(rows, columns), 1, 0.0f, 2.0f), rows, columns);
    if (HasFailure()) return;  // one length explains enough
  }
}

TEST_P(SoftmaxForwardTest, NormalizesManyRows) {
  const int wide = wb::unless_inspected(1003, 203), narrow = wb::unless_inspected(2049, 257);
  expect_softmax(wb::random_normal(area(wide, 33), 1), wide, 33);
  expect_softmax(wb::random_normal(area(narrow, 1), 1), narrow, 1);
}

TEST_P(SoftmaxForwardTest, RowsSumToOne) {
  for (const int columns : {7, 1000, 40000}) {
    const std::vector<float> y = softmax(wb::random_normal(area(4, columns), 1, 0, 4), 4, columns);
    for (std::size_t row = 0; row < 4; ++row) {
      const auto start = y.begin() + static_cast<std::ptrdiff_t>(row) * columns;
      EXPECT_NEAR(std::accumulate(start, start + columns, 0.0), 1.0, 3e-6)
          << columns << " columns, row " << row;
    }
  }
}

// Without subtracting the maximum, exp overflows above 88 and underflows below -103.
TEST_P(SoftmaxForwardTest, SurvivesHugeValues) {
  for (const float offset : {1000.0f, -1000.0f, 8388608.0f, -8388608.0f}) {
    SCOPED_TRACE("offset " + std::to_string(offset));
    std::vector<float> x(area(3, 129));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = offset + static_cast<float>(i * 37 % 19);
    expect_softmax(x, 3, 129);
  }
  std::vector<float> x(area(2, 40000), -3e38f);
  x[40000 - 1] = 3e38f;
  x[40000] = 3e38f;
  expect_softmax(x, 2, 40000);
  x.resize(area(2, 100));
  x[99] = 3e38f;
  x[100] = 3e38f;
  expect_softmax(x, 2, 100);
}

TEST_P(SoftmaxForwardTest, DependsOnDifferencesOnly) {
  std::vector<float> x(300), shifted(300);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i * 97 % 41) / 4;
    shifted[i] = x[i] + 512.0f;  // exact: both need few bits
  }
  EXPECT_EQ(softmax(x, 3, 100), softmax(shifted, 3, 100));
}

// Masked attention: row r keeps columns 0 .. r; but row 3 keeps nothing, and row 5 all but one.
TEST_P(SoftmaxForwardTest, GivesMaskedEntriesZero) {
  for (const int columns : {33, 2050, 33000}) {
    constexpr int kRows = 6;
    std::vector<float> x = wb::random_normal(area(kRows, columns), 1);
    for (int row = 0; row < kRows; ++row) {
      const int kept = row == 3 ? 0 : row == 5 ? columns - 1 : row + 1;
      const auto start = x.begin() + static_cast<std::ptrdiff_t>(row) * columns;
      std::fill(start + kept, start + columns, -kInfinity);
    }
    std::swap(x[0], x[static_cast<std::size_t>(columns) - 1]);  // the only finite value comes last
    expect_softmax(x, kRows, columns);
  }
}

TEST_P(SoftmaxForwardTest, KeepsNanInItsRow) {
  for (const int columns : {40, 3000, 33000}) {
    for (const float bad : {kNan, kInfinity}) {
      std::vector<float> x = wb::random_normal(area(3, columns), 1);
      x[static_cast<std::size_t>(columns) + 17] = bad;
      const std::vector<float> y = softmax(x, 3, columns);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const std::size_t row = i / static_cast<std::size_t>(columns);
        ASSERT_EQ(std::isnan(y[i]), row == 1) << bad << " in row 1 of " << columns << " columns: index " << i;
      }
    }
  }
}

TEST_P(SoftmaxForwardTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) {
    expect_softmax(wb::random_normal(area(3, 256), 1), 3, 256, misalign);
    expect_softmax(wb::random_normal(area(2, 4096), 1), 2, 4096, misalign);
  }
}

TEST_P(SoftmaxForwardTest, WorksInPlace) {
  for (const int columns : {63, 1024, 2500, 33000}) {
    SCOPED_TRACE("columns = " + std::to_string(columns));
    const std::vector<float> x = wb::random_normal(area(3, columns), 1);
    auto y = wb::GuardedBuffer<float>::inout(x);
    run(y.data(), y.data(), 3, columns, nullptr);
    EXPECT_TRUE(wb::matches(y.download(), wb::softmax_oracle(wb::to_double(x), 3, columns), kForward,
                            {{3, columns}, 0, x}));
    EXPECT_TRUE(y.check("y"));
  }
}

TEST_P(SoftmaxForwardTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::inout(wb::random_uniform(16, 1));
  float* x = buffer.data();
  EXPECT_THROW_MESSAGE(run(nullptr, x, 2, 2, nullptr), wb::Error, "x = 0");
  EXPECT_THROW_MESSAGE(run(x, nullptr, 2, 2, nullptr), wb::Error, "y = 0");
  EXPECT_THROW_MESSAGE(run(x, x, 0, 2, nullptr), wb::Error, "rows = 0");
  EXPECT_THROW_MESSAGE(run(x, x, 2, -3, nullptr), wb::Error, "columns = -3");
  auto* askew = wb::misaligned(x);
  EXPECT_THROW_MESSAGE(run(askew, x, 2, 2, nullptr), wb::Error, "x = ");
  EXPECT_THROW_MESSAGE(run(x, askew, 2, 2, nullptr), wb::Error, "y = ");
}

// In place, to need one buffer of 9 GB. The last rows lie past element 2^31; on the CPU device past 2^32, and
// a 32-bit index means row 4.
TEST_P(SoftmaxForwardTest, CountsPastTwoToThe31) {
  constexpr int kColumns = 1 << 14;
  const int rows = static_cast<int>(wb::far_elements() / kColumns) + 5;
  const std::size_t last = area(rows - 1, kColumns);
  if (const std::string why = wb::no_far_operands(last + kColumns, implementation().name); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const wb::FarOperand x(last + kColumns);
  const std::vector<float> row = wb::random_normal(kColumns, 1);
  WB_CUDA_CHECK(cudaMemcpy(x.data() + last, row.data(), kColumns * sizeof(float), cudaMemcpyHostToDevice));
  wb::run_far(static_cast<std::int64_t>(last), [&] { run(x.data(), x.data(), rows, kColumns, nullptr); });
  std::vector<float> got(kColumns);
  WB_CUDA_CHECK(cudaMemcpy(got.data(), x.data() + last, kColumns * sizeof(float), cudaMemcpyDeviceToHost));
  EXPECT_TRUE(wb::matches(got, wb::softmax_oracle(wb::to_double(row), 1, kColumns), kForward,
                          {{1, kColumns}, 0, row}))
      << "the last row starts at element " << last << ": too far for a 32-bit index";
}

WB_TEST_IMPLEMENTATIONS(SoftmaxForwardTest, wb::SoftmaxForward);

class SoftmaxBackwardTest : public wb::ImplementationTest<wb::SoftmaxBackward> {
 protected:
  void expect_gradient(int rows, int columns, std::size_t misalign = 0, bool in_place = false) {
    SCOPED_TRACE("rows = " + std::to_string(rows) + ", columns = " + std::to_string(columns));
    const std::vector<double> exact =
        wb::softmax_oracle(wb::to_double(wb::random_normal(area(rows, columns), 1)), rows, columns);
    const std::vector<float> y(exact.begin(), exact.end());
    const std::vector<float> dy = wb::random_normal(area(rows, columns), 2);
    const std::vector<double> expected =
        wb::softmax_backward_oracle(wb::to_double(dy), wb::to_double(y), rows, columns);

    auto device_y = wb::GuardedBuffer<float>::input(y, misalign);
    auto device_dy = wb::GuardedBuffer<float>::input(dy, misalign);
    auto device_dx = in_place ? wb::GuardedBuffer<float>::inout(dy, misalign)
                              : wb::GuardedBuffer<float>::output(dy.size(), misalign);
    run(in_place ? device_dx.data() : device_dy.data(), device_y.data(), device_dx.data(), rows, columns,
        nullptr);
    const std::vector<float> dx = device_dx.download();
    EXPECT_TRUE(wb::matches(dx, expected, kBackward, {{rows, columns}}))
        << wb::explain_softmax_backward(dx, dy, y, columns);
    EXPECT_TRUE(device_dx.check("dx"));
    EXPECT_TRUE(device_dy.check("dy"));
    EXPECT_TRUE(device_y.check("y"));
  }
};

TEST_P(SoftmaxBackwardTest, DifferentiatesOneRow) {
  expect_gradient(1, 32);
}

TEST_P(SoftmaxBackwardTest, DifferentiatesEachRow) {
  expect_gradient(100, 64);
}

TEST_P(SoftmaxBackwardTest, DifferentiatesRowsOfEveryLength) {
  for (const int columns : row_lengths()) {
    expect_gradient(columns > 4096 ? 2 : 3, columns);
    if (HasFailure()) return;  // one length explains enough
  }
}

TEST_P(SoftmaxBackwardTest, DifferentiatesManyRows) {
  expect_gradient(1003, 33);
}

TEST_P(SoftmaxBackwardTest, DifferentiatesLongRowsOnASmallerGpu) {
  const wb::SmallerSharedMemory gpu(wb::kLeastSharedMemory);
  expect_gradient(2, 20000);
}

TEST_P(SoftmaxBackwardTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) expect_gradient(3, 256, misalign);
}

TEST_P(SoftmaxBackwardTest, WorksInPlace) {
  for (const int columns : {63, 1024, 33000}) expect_gradient(3, columns, 0, true);
}

// In place, with the last rows past element 2^31, as in the forward pass.
TEST_P(SoftmaxBackwardTest, CountsPastTwoToThe31) {
  constexpr int kColumns = 1 << 14;
  constexpr std::size_t kBytes = kColumns * sizeof(float);
  const int rows = static_cast<int>(wb::far_elements() / kColumns) + 5;
  const std::size_t last = area(rows - 1, kColumns), floats = last + kColumns;
  if (const std::string why = wb::no_far_operands(2 * floats, implementation().name); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const wb::FarOperand far_y(floats), far_dy(floats);
  const std::vector<double> exact =
      wb::softmax_oracle(wb::to_double(wb::random_normal(kColumns, 1)), 1, kColumns);
  const std::vector<float> y(exact.begin(), exact.end()), dy = wb::random_normal(kColumns, 2);
  WB_CUDA_CHECK(cudaMemcpy(far_y.data() + last, y.data(), kBytes, cudaMemcpyHostToDevice));
  WB_CUDA_CHECK(cudaMemcpy(far_dy.data() + last, dy.data(), kBytes, cudaMemcpyHostToDevice));
  wb::run_far(static_cast<std::int64_t>(last),
              [&] { run(far_dy.data(), far_y.data(), far_dy.data(), rows, kColumns, nullptr); });
  std::vector<float> dx(kColumns);
  WB_CUDA_CHECK(cudaMemcpy(dx.data(), far_dy.data() + last, kBytes, cudaMemcpyDeviceToHost));
  EXPECT_TRUE(wb::matches(dx, wb::softmax_backward_oracle(wb::to_double(dy), exact, 1, kColumns), kBackward,
                          {{1, kColumns}, 0, dy}))
      << "the last row starts at element " << last << ": too far for a 32-bit index";
}

TEST_P(SoftmaxBackwardTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::inout(wb::random_uniform(16, 1));
  float* x = buffer.data();
  EXPECT_THROW_MESSAGE(run(nullptr, x, x, 2, 2, nullptr), wb::Error, "dy = 0");
  EXPECT_THROW_MESSAGE(run(x, nullptr, x, 2, 2, nullptr), wb::Error, "y = 0");
  EXPECT_THROW_MESSAGE(run(x, x, nullptr, 2, 2, nullptr), wb::Error, "dx = 0");
  EXPECT_THROW_MESSAGE(run(x, x, x, -1, 2, nullptr), wb::Error, "rows = -1");
  EXPECT_THROW_MESSAGE(run(x, x, x, 2, 0, nullptr), wb::Error, "columns = 0");
  auto* askew = wb::misaligned(x);
  EXPECT_THROW_MESSAGE(run(askew, x, x, 2, 2, nullptr), wb::Error, "dy = ");
  EXPECT_THROW_MESSAGE(run(x, askew, x, 2, 2, nullptr), wb::Error, "y = ");
  EXPECT_THROW_MESSAGE(run(x, x, askew, 2, 2, nullptr), wb::Error, "dx = ");
}

WB_TEST_IMPLEMENTATIONS(SoftmaxBackwardTest, wb::SoftmaxBackward);

// f(x) = sum of softmax(x) times fixed weights: the weights are its upstream gradient.
TEST(SoftmaxOracle, GradientMatchesCentralDifferences) {
  constexpr int kRows = 3, kColumns = 11;
  const std::vector<double> x = wb::to_double(wb::random_normal(area(kRows, kColumns), 1));
  const std::vector<double> dy = wb::to_double(wb::random_normal(area(kRows, kColumns), 2));
  const auto f = [&](std::span<const double> at) {
    const std::vector<double> y = wb::softmax_oracle(at, kRows, kColumns);
    return std::inner_product(y.begin(), y.end(), dy.begin(), 0.0);
  };
  const std::vector<double> dx =
      wb::softmax_backward_oracle(dy, wb::softmax_oracle(x, kRows, kColumns), kRows, kColumns);
  EXPECT_TRUE(wb::gradient_matches(f, x, dx, {1e-9, 1e-7}));
}

}  // namespace
