// Tests of softmax with bf16 in memory: computed in float from the same rounded inputs as the oracle, rounded
// once.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "03_softmax/softmax.h"
#include "03_softmax/testing/softmax_oracle.h"
#include "common/core/shared_memory.h"
#include "common/harness/bf16_input.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::area;
using wb::Bf16Input;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr wb::Tolerance kForward{1e-9, wb::kBf16Rounding + 5e-6};
// y (dy - dot): the difference loses what dy and dot, both of the order of 1, have in common.
constexpr wb::Tolerance kBackward{2e-7, wb::kBf16Rounding + 5e-6};

// Both sides of what fits a warp, a block, registers, and what does not.
std::vector<int> row_lengths() {
  std::vector<int> lengths = wb::edge_sizes();
  for (const int length : {768, 2048, 2056, 8192, 16392, 32768, 32776}) lengths.push_back(length);
  return lengths;
}

class SoftmaxForwardBf16Test : public wb::ImplementationTest<wb::SoftmaxForwardBf16> {
 protected:
  std::vector<float> softmax(const Bf16Input& x, int rows, int columns, std::size_t misalign = 0) {
    auto y = wb::GuardedBuffer<wb::bf16>::output(x.values.size(), misalign);
    run(x.buffer.data(), y.data(), rows, columns, nullptr);
    EXPECT_TRUE(y.check("y"));
    EXPECT_TRUE(x.buffer.check("x"));
    return wb::to_float(y.download());
  }

  void expect_softmax(const std::vector<float>& exact, int rows, int columns, std::size_t misalign = 0) {
    SCOPED_TRACE("rows = " + std::to_string(rows) + ", columns = " + std::to_string(columns));
    const Bf16Input x(exact, misalign);
    EXPECT_TRUE(wb::matches(softmax(x, rows, columns, misalign),
                            wb::softmax_oracle(x.doubles(), rows, columns), kForward, {{rows, columns}}));
  }
};

TEST_P(SoftmaxForwardBf16Test, NormalizesRowsOfEveryLength) {
  for (const int columns : row_lengths()) {
    expect_softmax(wb::random_normal(area(3, columns), 1, 0.0f, 2.0f), 3, columns);
    if (HasFailure()) return;  // one length explains enough
  }
}

// More rows than a block takes, and a number of them that no block divides.
TEST_P(SoftmaxForwardBf16Test, NormalizesManyRows) {
  expect_softmax(wb::random_normal(area(333, 40), 1), 333, 40);
  expect_softmax(wb::random_normal(area(37, 264), 2), 37, 264);
}

// Neighbors of 256 differ by 2 and those of 2^23 by 2^16. The largest finite numbers, times log2(e), are
// infinite.
TEST_P(SoftmaxForwardBf16Test, SurvivesHugeValues) {
  for (const float offset : {256.0f, 65280.0f, 8388608.0f, 1e12f, 3e38f}) {
    for (const float sign : {1.0f, -1.0f}) {
      SCOPED_TRACE("offset " + std::to_string(sign * offset));
      for (const int columns : {136, 3000, 8200}) {
        std::vector<float> x(area(2, columns));
        for (std::size_t i = 0; i < x.size(); ++i) {
          x[i] = sign * offset * (1.0f - static_cast<float>(i * 37 % 5) / 128);
        }
        expect_softmax(x, 2, columns);
        x.assign(x.size(), -sign * offset);
        x[static_cast<std::size_t>(columns) - 1] = sign * offset;
        expect_softmax(x, 2, columns);
      }
    }
  }
}

// Masked attention: row r keeps columns 0 .. r; but row 3 keeps nothing.
TEST_P(SoftmaxForwardBf16Test, GivesMaskedEntriesZero) {
  for (const int columns : {136, 2056, 8200, 33000}) {
    constexpr int kRows = 5;
    std::vector<float> x = wb::random_normal(area(kRows, columns), 1);
    for (int row = 0; row < kRows; ++row) {
      const auto start = x.begin() + static_cast<std::ptrdiff_t>(row) * columns;
      std::fill(start + (row == 3 ? 0 : row + 1), start + columns, -kInfinity);
    }
    std::swap(x[0], x[static_cast<std::size_t>(columns) - 1]);  // the only finite value comes last
    expect_softmax(x, kRows, columns);
  }
}

TEST_P(SoftmaxForwardBf16Test, KeepsNanInItsRow) {
  for (const int columns : {136, 3000, 8200, 33000}) {
    for (const float bad : {kNan, kInfinity}) {
      std::vector<float> x = wb::random_normal(area(3, columns), 1);
      x[static_cast<std::size_t>(columns) + 17] = bad;
      const std::vector<float> y = softmax(Bf16Input(x), 3, columns);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const std::size_t row = i / static_cast<std::size_t>(columns);
        ASSERT_EQ(std::isnan(y[i]), row == 1) << bad << " in row 1 of " << columns << " columns: index " << i;
      }
    }
  }
}

TEST_P(SoftmaxForwardBf16Test, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 4, 7}) {
    expect_softmax(wb::random_normal(area(3, 256), 1), 3, 256, misalign);
  }
}

TEST_P(SoftmaxForwardBf16Test, WorksInPlace) {
  for (const int columns : {63, 1024, 8200, 33000}) {
    SCOPED_TRACE("columns = " + std::to_string(columns));
    const std::vector<float> x = wb::random_normal(area(3, columns), 1);
    auto y = wb::GuardedBuffer<wb::bf16>::inout(wb::to_bf16(x));
    run(y.data(), y.data(), 3, columns, nullptr);
    EXPECT_TRUE(wb::matches(wb::to_float(y.download()),
                            wb::softmax_oracle(wb::to_double(wb::rounded_to_bf16(x)), 3, columns), kForward,
                            {{3, columns}}));
    EXPECT_TRUE(y.check("y"));
  }
}

TEST_P(SoftmaxForwardBf16Test, RejectsBadArguments) {
  wb::DeviceBuffer<wb::bf16> buffer(16);
  wb::bf16* x = buffer.data();
  expect_bad_pointers_named({"x", "y"}, x, x, 2, 2, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, 0, 2, nullptr), wb::Error, "rows = 0");
  EXPECT_THROW_MESSAGE(run(x, x, 2, 0, nullptr), wb::Error, "columns = 0");
}

WB_TEST_IMPLEMENTATIONS(SoftmaxForwardBf16Test, wb::SoftmaxForwardBf16);

class SoftmaxBackwardBf16Test : public wb::ImplementationTest<wb::SoftmaxBackwardBf16> {
 protected:
  void expect_gradient(int rows, int columns, std::size_t misalign = 0, bool in_place = false) {
    SCOPED_TRACE("rows = " + std::to_string(rows) + ", columns = " + std::to_string(columns));
    const std::vector<double> exact =
        wb::softmax_oracle(wb::to_double(wb::random_normal(area(rows, columns), 1)), rows, columns);
    const Bf16Input y({exact.begin(), exact.end()}, misalign);
    const Bf16Input dy(wb::random_normal(area(rows, columns), 2), misalign);
    auto dx = in_place ? wb::GuardedBuffer<wb::bf16>::inout(wb::to_bf16(dy.values), misalign)
                       : wb::GuardedBuffer<wb::bf16>::output(dy.values.size(), misalign);
    run(in_place ? dx.data() : dy.buffer.data(), y.buffer.data(), dx.data(), rows, columns, nullptr);
    const auto expected = wb::softmax_backward_oracle(dy.doubles(), y.doubles(), rows, columns);
    EXPECT_TRUE(wb::matches(wb::to_float(dx.download()), expected, kBackward, {{rows, columns}}));
    EXPECT_TRUE(dx.check("dx"));
    EXPECT_TRUE(dy.buffer.check("dy"));
    EXPECT_TRUE(y.buffer.check("y"));
  }
};

TEST_P(SoftmaxBackwardBf16Test, DifferentiatesRowsOfEveryLength) {
  for (const int columns : row_lengths()) {
    expect_gradient(3, columns);
    if (HasFailure()) return;  // one length explains enough
  }
}

TEST_P(SoftmaxBackwardBf16Test, DifferentiatesManyRows) {
  expect_gradient(333, 40);
}

// On a GPU a cluster of blocks may share such a row; 8200 columns of the last slice are missing.
TEST_P(SoftmaxBackwardBf16Test, DifferentiatesARowOf57336) {
  expect_gradient(2, 57336);
}

TEST_P(SoftmaxBackwardBf16Test, DifferentiatesLongRowsOnASmallerGpu) {
  const wb::SmallerSharedMemory gpu(wb::kLeastSharedMemory);
  expect_gradient(2, 32760);
}

TEST_P(SoftmaxBackwardBf16Test, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 4, 7}) expect_gradient(3, 256, misalign);
}

TEST_P(SoftmaxBackwardBf16Test, WorksInPlace) {
  for (const int columns : {63, 1024, 33000}) expect_gradient(3, columns, 0, true);
}

TEST_P(SoftmaxBackwardBf16Test, RejectsBadArguments) {
  wb::DeviceBuffer<wb::bf16> buffer(16);
  wb::bf16* x = buffer.data();
  expect_bad_pointers_named({"dy", "y", "dx"}, x, x, x, 2, 2, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, -1, 2, nullptr), wb::Error, "rows = -1");
}

WB_TEST_IMPLEMENTATIONS(SoftmaxBackwardBf16Test, wb::SoftmaxBackwardBf16);

}  // namespace
