// Tests of transpose, in the order of the lesson's steps: the untouched starter fails at the first.
#include "02_matmul/transpose.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "02_matmul/testing/transpose_oracle.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"
#include "common/harness/inspection.h"

namespace {

using wb::area;

constexpr wb::Tolerance kSameBits{0.0, 0.0};

class TransposeTest : public wb::ImplementationTest<wb::Transpose> {
 protected:
  void expect_transpose(int rows, int columns, std::size_t misalign_in = 0, std::size_t misalign_out = 0) {
    SCOPED_TRACE("rows = " + std::to_string(rows) + ", columns = " + std::to_string(columns));
    const std::vector<float> in = wb::random_uniform(area(rows, columns), 1);
    auto device_in = wb::GuardedBuffer<float>::input(in, misalign_in);
    auto out = wb::GuardedBuffer<float>::output(in.size(), misalign_out);
    ASSERT_NO_THROW(run(device_in.data(), out.data(), rows, columns, nullptr));
    const std::vector<float> got = out.download();
    EXPECT_TRUE(wb::matches(got, wb::transpose_oracle(in, rows, columns), kSameBits, {{columns, rows}}))
        << wb::explain_transpose(got, in, rows, columns);
    EXPECT_TRUE(out.check("out"));
    EXPECT_TRUE(device_in.check("in"));
  }
};

TEST_P(TransposeTest, MovesOneTile) {
  expect_transpose(32, 32);
}

TEST_P(TransposeTest, MovesManyTiles) {
  expect_transpose(64, 96);
  expect_transpose(160, 32);
}

TEST_P(TransposeTest, GuardsTheEdges) {
  expect_transpose(67, 41);
}

// A tile that is in shared memory as a whole before any of it is stored may go back to where it came from.
TEST_P(TransposeTest, MovesATileInPlace) {
  if (implementation().name == "naive")
    GTEST_SKIP() << "naive stores elements while others are still to be loaded";
  const std::vector<float> in = wb::random_uniform(area(32, 32), 3);
  auto both = wb::GuardedBuffer<float>::inout(in);
  ASSERT_NO_THROW(run(both.data(), both.data(), 32, 32, nullptr));
  EXPECT_TRUE(wb::matches(both.download(), wb::transpose_oracle(in, 32, 32), kSameBits, {{32, 32}}))
      << "in place: is the whole tile in shared memory before a thread stores to `out`?";
  EXPECT_TRUE(both.check("in and out"));
}

TEST_P(TransposeTest, MovesEveryShape) {
  for (const auto& [rows, columns] : {std::pair{1, 1},
                                      {1, 33},
                                      {33, 1},
                                      {2, 1000},
                                      {1000, 3},
                                      {31, 32},
                                      {32, 31},
                                      {33, 63},
                                      {64, 65},
                                      {127, 129},
                                      {255, 257}}) {
    expect_transpose(rows, columns);
    if (HasFailure()) return;  // one shape explains enough
  }
}

// What is no number, or has two zeros, is moved as well.
TEST_P(TransposeTest, MovesEveryBit) {
  constexpr int kRows = 3, kColumns = 5;
  std::vector<float> in(area(kRows, kColumns), -0.0f);
  in[4] = std::bit_cast<float>(0x7fc12345u);  // a NaN with a payload
  in[7] = std::numeric_limits<float>::infinity();
  in[9] = std::numeric_limits<float>::denorm_min();
  const wb::DeviceBuffer<float> device_in(in);
  wb::DeviceBuffer<float> out(in.size());
  run(device_in.data(), out.data(), kRows, kColumns, nullptr);
  const std::vector<float> got = out.download();
  for (std::size_t i = 0; i < in.size(); ++i) {
    const float moved = got[i % kColumns * kRows + i / kColumns];
    EXPECT_TRUE(std::bit_cast<std::uint32_t>(moved) == std::bit_cast<std::uint32_t>(in[i]))
        << in[i] << " has become " << moved << ", or a NaN with other bits";
  }
}

// A grid has at most 65535 blocks in y.
TEST_P(TransposeTest, MovesAVeryTallMatrix) {
  constexpr int kRows = 65535 * 32 + 33;
  std::vector<float> in(kRows, 1.0f);
  in.back() = 5.0f;
  const wb::DeviceBuffer<float> device_in(in);
  wb::DeviceBuffer<float> out(in.size());
  {
    const wb::OnlyEndBlocks ends({0, 1});
    run(device_in.data(), out.data(), kRows, 1, nullptr);
  }
  EXPECT_EQ(out.download().back(), 5.0f) << "the last of " << kRows << " rows";
}

TEST_P(TransposeTest, MovesALargeOddMatrix) {
  expect_transpose(wb::unless_inspected(999, 199), wb::unless_inspected(1003, 203));
}

TEST_P(TransposeTest, TakesAnyAlignment) {
  for (const auto& [in, out] : {std::pair<std::size_t, std::size_t>{1, 0}, {0, 1}, {2, 3}}) {
    expect_transpose(64, 40, in, out);
    if (HasFailure()) return;
  }
}

TEST_P(TransposeTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::inout(wb::random_uniform(16, 1));
  float* x = buffer.data();
  expect_bad_pointers_named({"in", "out"}, x, x + 8, 2, 2, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, 0, 2, nullptr), wb::Error, "rows = 0");
  EXPECT_THROW_MESSAGE(run(x, x, 2, -3, nullptr), wb::Error, "columns = -3");
}

// Three rows of more than 2^30 elements each (on the CPU device, more than 2^31): the last row begins past
// element 2^31 of `in`, and the last rows of the transpose end there too.
TEST_P(TransposeTest, CountsPastTwoToThe31) {
  constexpr int kRows = 3, kTile = 32;
  const auto columns = static_cast<int>(wb::far_elements() / 2) - 1;
  const std::size_t size = area(kRows, columns);
  if (const std::string why = wb::no_far_operands(2 * size, implementation().name); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const wb::FarOperand in(size), out(size);
  // The start of row 0, and the end of row 2.
  const std::vector<float> first = wb::random_uniform(kTile, 1), last = wb::random_uniform(kTile, 2);
  WB_CUDA_CHECK(cudaMemcpy(in.data(), first.data(), kTile * sizeof(float), cudaMemcpyHostToDevice));
  WB_CUDA_CHECK(
      cudaMemcpy(in.data() + size - kTile, last.data(), kTile * sizeof(float), cudaMemcpyHostToDevice));
  wb::run_far(static_cast<std::int64_t>(size), [&] { run(in.data(), out.data(), kRows, columns, nullptr); });

  const auto column_of = [&](std::size_t from, std::size_t row) {
    std::vector<float> window(kRows * kTile), column;
    WB_CUDA_CHECK(
        cudaMemcpy(window.data(), out.data() + from, window.size() * sizeof(float), cudaMemcpyDeviceToHost));
    for (std::size_t i = row; i < window.size(); i += kRows) column.push_back(window[i]);
    return column;
  };
  EXPECT_TRUE(wb::matches(column_of(0, 0), wb::to_double(first), kSameBits, {{kTile}}));
  EXPECT_TRUE(wb::matches(column_of(size - kRows * kTile, 2), wb::to_double(last), kSameBits, {{kTile}}))
      << "the end of the last row: too far for a 32-bit index";
}

WB_TEST_IMPLEMENTATIONS(TransposeTest, wb::Transpose);

}  // namespace
