// Tests of online_softmax, in the order in which one would make them pass.
#include "03_softmax/online_softmax.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "03_softmax/testing/online_softmax_oracle.h"
#include "common/core/device_buffer.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::area;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// An error of the sum, of itself, is one of its logarithm, absolutely; the maximum is exact.
constexpr wb::Tolerance kTolerance{3e-6, 3e-7};

class OnlineSoftmaxTest : public wb::ImplementationTest<wb::OnlineSoftmax> {
 protected:
  std::vector<float> log_sum_exp(const std::vector<float>& x, int rows, int columns,
                                 std::size_t misalign = 0) {
    auto in = wb::GuardedBuffer<float>::input(x, misalign);
    auto out = wb::GuardedBuffer<float>::output(static_cast<std::size_t>(rows), misalign);
    run(in.data(), out.data(), rows, columns, nullptr);
    EXPECT_TRUE(out.check("lse"));
    EXPECT_TRUE(in.check("x"));
    return out.download();
  }

  void expect_log_sum_exp(const std::vector<float>& x, int rows, int columns, std::size_t misalign = 0) {
    SCOPED_TRACE("rows = " + std::to_string(rows) + ", columns = " + std::to_string(columns));
    const std::vector<double> expected = wb::online_softmax_oracle(wb::to_double(x), rows, columns);
    const std::vector<float> lse = log_sum_exp(x, rows, columns, misalign);
    EXPECT_TRUE(wb::matches(lse, expected, kTolerance, {{rows}})) << explain(lse, expected);
  }

 private:
  // exp(got - expected) is the sum as a fraction of the right one.
  static std::string explain(const std::vector<float>& lse, const std::vector<double>& expected) {
    for (std::size_t row = 0; row < lse.size(); ++row) {
      const double fraction = std::exp(static_cast<double>(lse[row]) - expected[row]);
      if (!std::isfinite(fraction) || std::fabs(fraction - 1) < 1e-4) continue;
      return "\n  online softmax: row " + std::to_string(row) + ": its sum is " + std::to_string(fraction) +
             " of what it should be: " +
             (fraction < 1 ? "some exponentials are missing, or the maximum is not added. Does every warp's "
                             "part arrive?"
                           : "too much. Is the old sum rescaled when the maximum grows?");
    }
    return {};
  }
};

TEST_P(OnlineSoftmaxTest, SumsOneRow) {
  expect_log_sum_exp(wb::random_normal(32, 1), 1, 32);
}

TEST_P(OnlineSoftmaxTest, SumsRowsOfEveryLength) {
  std::vector<int> lengths = wb::edge_sizes();
  for (const int length : {4099, 32768, 100000}) lengths.push_back(length);
  for (const int columns : lengths) {
    expect_log_sum_exp(wb::random_normal(area(3, columns), 1, 0.0f, 2.0f), 3, columns);
    if (HasFailure()) return;  // one length explains enough
  }
}

TEST_P(OnlineSoftmaxTest, SumsManyRows) {
  expect_log_sum_exp(wb::random_normal(area(1003, 33), 1), 1003, 33);
}

// The maximum grows with every column, or with none after the first.
TEST_P(OnlineSoftmaxTest, RescalesWhenTheMaximumGrows) {
  constexpr int kColumns = 3000;
  std::vector<float> x(area(2, kColumns));
  for (std::size_t c = 0; c < kColumns; ++c) {
    x[c] = static_cast<float>(c) / 512;
    x[kColumns + c] = -x[c];
  }
  expect_log_sum_exp(x, 2, kColumns);
}

TEST_P(OnlineSoftmaxTest, SurvivesHugeValues) {
  for (const float offset : {1000.0f, -1000.0f}) {
    SCOPED_TRACE("offset " + std::to_string(offset));
    std::vector<float> x(area(3, 1029));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = offset + static_cast<float>(i * 37 % 19);
    expect_log_sum_exp(x, 3, 1029);
  }
  // No finite number is smaller than all values of a row, so none can stand for the maximum of nothing.
  for (const float value : {-1e5f, -1e30f, std::numeric_limits<float>::lowest()}) {
    const std::vector<float> lse = log_sum_exp(std::vector<float>(area(2, 300), value), 2, 300);
    const std::vector<double> expected(2, static_cast<double>(value) + std::log(300.0));
    EXPECT_TRUE(wb::matches(lse, expected, kTolerance, {{2}}))
        << "\n  all values of the row are " << value
        << ": is the running maximum -INFINITY before the first one?";
  }
}

TEST_P(OnlineSoftmaxTest, IgnoresMaskedEntries) {
  for (const int columns : {33, 3000}) {
    std::vector<float> x(area(3, columns), -kInfinity);
    x[0] = 2.5f;                                           // first in row 0
    x[2 * static_cast<std::size_t>(columns) - 1] = -7.0f;  // last in row 1
    x[2 * static_cast<std::size_t>(columns) + 5] = 1.0f;
    x[2 * static_cast<std::size_t>(columns) + 30] = 3.0f;
    expect_log_sum_exp(x, 3, columns);
  }
}

TEST_P(OnlineSoftmaxTest, GivesMaskedRowsMinusInfinity) {
  for (const int columns : {1, 40, 3000}) {
    for (const float lse : log_sum_exp(std::vector<float>(area(2, columns), -kInfinity), 2, columns)) {
      EXPECT_EQ(lse, -kInfinity) << columns << " columns of -inf: inf - inf is NaN";
    }
  }
}

TEST_P(OnlineSoftmaxTest, KeepsNanInItsRow) {
  for (const int columns : {40, 3000}) {
    for (const float bad : {kNan, kInfinity}) {
      std::vector<float> x = wb::random_normal(area(3, columns), 1);
      x[static_cast<std::size_t>(columns) + 17] = bad;
      const std::vector<float> lse = log_sum_exp(x, 3, columns);
      for (std::size_t row = 0; row < 3; ++row) {
        EXPECT_EQ(std::isnan(lse[row]), row == 1) << bad << " in row 1, looking at row " << row;
      }
    }
  }
}

TEST_P(OnlineSoftmaxTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) {
    expect_log_sum_exp(wb::random_normal(area(3, 256), 1), 3, 256, misalign);
  }
}

TEST_P(OnlineSoftmaxTest, CountsPastTwoToThe31) {
  constexpr int kColumns = 1 << 14;
  const int rows = static_cast<int>(wb::far_elements() / kColumns) + 5;
  const std::size_t last = area(rows - 1, kColumns);
  if (const std::string why = wb::no_far_operands(last + kColumns, implementation().name); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const wb::FarOperand x(last + kColumns);
  const std::vector<float> row = wb::random_normal(kColumns, 1, 3.0f);
  WB_CUDA_CHECK(cudaMemcpy(x.data() + last, row.data(), kColumns * sizeof(float), cudaMemcpyHostToDevice));
  wb::DeviceBuffer<float> lse(static_cast<std::size_t>(rows));
  wb::run_far(static_cast<std::int64_t>(last), [&] { run(x.data(), lse.data(), rows, kColumns, nullptr); });
  const std::vector<float> got = {lse.download().back()};
  EXPECT_TRUE(wb::matches(got, wb::online_softmax_oracle(wb::to_double(row), 1, kColumns), kTolerance))
      << "the last row starts at element " << last << ": too far for a 32-bit index";
}

TEST_P(OnlineSoftmaxTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::inout(wb::random_uniform(16, 1));
  float* x = buffer.data();
  auto* askew = wb::misaligned(x);
  EXPECT_THROW_MESSAGE(run(nullptr, x, 2, 2, nullptr), wb::Error, "x = 0");
  EXPECT_THROW_MESSAGE(run(x, nullptr, 2, 2, nullptr), wb::Error, "lse = 0");
  EXPECT_THROW_MESSAGE(run(askew, x, 2, 2, nullptr), wb::Error, "x = ");
  EXPECT_THROW_MESSAGE(run(x, askew, 2, 2, nullptr), wb::Error, "lse = ");
  EXPECT_THROW_MESSAGE(run(x, x, 0, 2, nullptr), wb::Error, "rows = 0");
  EXPECT_THROW_MESSAGE(run(x, x, 2, -3, nullptr), wb::Error, "columns = -3");
}

WB_TEST_IMPLEMENTATIONS(OnlineSoftmaxTest, wb::OnlineSoftmax);

}  // namespace
