// Tests of fast_matmul, in the order of the lesson's steps: the untouched starter fails at the first.
#include "02_matmul/fast_matmul.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "02_matmul/testing/fast_matmul_diagnosis.h"
#include "02_matmul/testing/matmul_oracle.h"
#include "common/harness/counts.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"
#include "common/harness/inspection.h"

namespace {

using wb::area;

// Inputs are U(-1, 1): the errors of K products grow with K.
wb::Tolerance tolerance_for(int k) {
  return {std::max(1e-6, 1e-7 * k), 1e-6};
}

class FastMatmulTest : public wb::ImplementationTest<wb::FastMatmul> {
 protected:
  void expect_product(int m, int n, int k) {
    SCOPED_TRACE("m = " + std::to_string(m) + ", n = " + std::to_string(n) + ", k = " + std::to_string(k));
    const std::vector<float> a = wb::random_uniform(area(m, k), 1), b = wb::random_uniform(area(k, n), 2);
    auto device_a = wb::GuardedBuffer<float>::input(a), device_b = wb::GuardedBuffer<float>::input(b);
    auto c = wb::GuardedBuffer<float>::output(area(m, n));
    ASSERT_NO_THROW(run(device_a.data(), device_b.data(), c.data(), m, n, k, nullptr));
    const std::vector<float> got = c.download();
    const std::vector<double> expected = wb::matmul_oracle(a, b, m, n, k);
    const auto small = wb::matches(got, expected, tolerance_for(k), {{m, n}});
    EXPECT_TRUE(small) << wb::explain_fast_matmul(got, a, b, m, n, k);
    EXPECT_TRUE(c.check("c"));
    EXPECT_TRUE(device_a.check("a"));
    EXPECT_TRUE(device_b.check("b"));
  }

  // A product of whole tiles, which must be right, and what its warps ask of memory. Tests of counts begin
  // with it.
  wb::MemoryCounts counts_of_product() {
    return wb::counted([&] { expect_product(kSide, kSide, kCountedDepth); });
  }

  // Whether `count` is at most `enough`. A failure says what was counted, what is meant, and at which lines.
  static testing::AssertionResult at_most(double enough, double count, const std::string& what,
                                          const std::string& meant, const wb::AccessCount& access) {
    if (count <= enough) return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << what << ": " << count << ", and " << enough << " are enough. " << meant << access.lines;
  }

  // Whether no access takes more wavefronts or sectors than its bytes need.
  static testing::AssertionResult at_best(const std::string& what, const std::string& meant,
                                          const wb::AccessCount& access) {
    return at_most(static_cast<double>(access.ideal), static_cast<double>(access.moved), what, meant, access);
  }

  // Why this implementation or this program is not asked for the counts of a step; the chapter's other
  // implementations are named. An inspected program looks at the same product.
  std::string not_counted(const std::vector<std::string>& before) const {
    const std::string& name = implementation().name;
    if (std::find(before.begin(), before.end(), name) != before.end())
      return name + " comes before this step";
    return wb::detail::inspected() ? "" : wb::no_counts();
  }

  static constexpr int kSide = 128, kCountedDepth = 32;
  // Of a warp: each is one instruction for 32 lanes.
  static constexpr double kMultiplyAdds = 1.0 * kSide * kSide * kCountedDepth / 32;
};

TEST_P(FastMatmulTest, MultipliesOneTile) {
  expect_product(64, 64, 8);
}

TEST_P(FastMatmulTest, MultipliesManyTiles) {
  expect_product(64, 64, 24);
  expect_product(128, 192, 32);
}

// A thread that reads two values for each multiply-add has right results, too.
TEST_P(FastMatmulTest, KeepsValuesInRegisters) {
  if (const std::string why = not_counted({"tile"}); !why.empty()) GTEST_SKIP() << why;
  const wb::AccessCount loads = counts_of_product().shared_loads;
  if (HasFailure()) return;
  EXPECT_TRUE(
      at_most(12.0 / 32, static_cast<double>(loads.requests) / kMultiplyAdds,
              "requests of shared memory per multiply-add of a warp",
              "Read the 8 values of a_tile and the 4 of b_tile once per depth, into arrays of the thread: "
              "12 reads then serve 32 multiply-adds.",
              loads));
}

TEST_P(FastMatmulTest, GuardsTheEdges) {
  expect_product(67, 76, 20);
}

TEST_P(FastMatmulTest, MultipliesEveryShape) {
  for (const auto& [m, n, k] : {std::tuple{1, 4, 4},
                                {3, 8, 12},
                                {1, 132, 36},
                                {129, 4, 40},
                                {63, 60, 8},
                                {64, 68, 12},
                                {65, 64, 28},
                                {5, 4, 500},
                                {3, 4, 2052}}) {
    expect_product(m, n, k);
    if (HasFailure()) return;  // one shape explains enough
  }
}

// Sums of a NaN are NaN, and no others: what pads a tile is 0.
TEST_P(FastMatmulTest, KeepsNanInItsRow) {
  constexpr int kM = 70, kN = 72, kK = 20, kRow = 68;
  std::vector<float> a = wb::random_uniform(kM * kK, 1);
  const std::vector<float> b = wb::random_uniform(kK * kN, 2);
  // One past the end of the row before, and one in the last step.
  for (const int column : {0, 17}) a[kRow * kK + column] = std::numeric_limits<float>::quiet_NaN();
  wb::DeviceBuffer<float> device_a(a), device_b(b);
  auto c = wb::GuardedBuffer<float>::output(kM * kN);
  run(device_a.data(), device_b.data(), c.data(), kM, kN, kK, nullptr);
  const std::vector<float> got = c.download();
  for (int i = 0; i < kM * kN; ++i) {
    ASSERT_EQ(std::isnan(got[static_cast<std::size_t>(i)]), i / kN == kRow)
        << "row " << i / kN << ", column " << i % kN << ": row " << kRow
        << " of a has a NaN. A tile past column K of a is 0, not what the next row begins with, even where "
           "b's tile is 0: 0 * NaN is NaN";
  }
}

// The last row of a, and then that of c, begins past element 2^31: a 32-bit index is that of another row.
TEST_P(FastMatmulTest, CountsPastTwoToThe31) {
  constexpr int kN = 4, kK = 1 << 10;
  const int m = static_cast<int>(wb::far_elements() / kK) + 3;
  const std::size_t last = area(m - 1, kK);
  if (const std::string why = wb::no_far_operands(2 * (last + kK), implementation().name); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const wb::FarOperand a(last + kK);
  wb::DeviceBuffer<float> c(area(m, kN));
  const std::vector<float> row = wb::random_uniform(kK, 1), b = wb::random_uniform(area(kK, kN), 2);
  WB_CUDA_CHECK(cudaMemcpy(a.data() + last, row.data(), kK * sizeof(float), cudaMemcpyHostToDevice));
  wb::DeviceBuffer<float> device_b(b);
  // N is narrower than a tile: the last row is in the last block.
  wb::run_far(static_cast<std::int64_t>(last),
              [&] { run(a.data(), device_b.data(), c.data(), m, kN, kK, nullptr); }, {0, 1});
  std::vector<float> got(kN);
  WB_CUDA_CHECK(
      cudaMemcpy(got.data(), c.data() + area(m - 1, kN), kN * sizeof(float), cudaMemcpyDeviceToHost));
  EXPECT_TRUE(wb::matches(got, wb::matmul_oracle(row, b, 1, kN, kK), tolerance_for(kK), {{1, kN}}))
      << "the last row: too far for a 32-bit index";
  if (HasFailure()) return;

  // The other way round: a is narrow, and the last row of c lies there.
  const wb::FarOperand far_c(last + kK);
  const std::vector<float> narrow = wb::random_uniform(kN, 3);
  wb::DeviceBuffer<float> device_a(std::vector<float>(area(m, kN), 0.0f));
  WB_CUDA_CHECK(cudaMemcpy(device_a.data() + area(m - 1, kN), narrow.data(), kN * sizeof(float),
                           cudaMemcpyHostToDevice));
  wb::run_far(static_cast<std::int64_t>(last),
              [&] { run(device_a.data(), device_b.data(), far_c.data(), m, kK, kN, nullptr); },
              {0, kK / 8});  // of tiles of at least 8 columns, the last row of tiles
  got.resize(kK);
  WB_CUDA_CHECK(cudaMemcpy(got.data(), far_c.data() + last, kK * sizeof(float), cudaMemcpyDeviceToHost));
  EXPECT_TRUE(wb::matches(got, wb::matmul_oracle(narrow, b, 1, kK, kN), tolerance_for(kN), {{1, kK}}))
      << "the last row of c: too far for a 32-bit index";
}

// 0 * infinity is NaN: a zero beside an element must be one, and a product must not be left out for a zero.
TEST_P(FastMatmulTest, KeepsInfinityAndNan) {
  constexpr int kM = 5, kN = 8, kK = 12;
  std::vector<float> a = wb::random_uniform(area(kM, kK), 1), b = wb::random_uniform(area(kK, kN), 2);
  a[area(3, kK) - 1] = std::numeric_limits<float>::infinity();     // the last of row 2
  b[area(4, kN) - 2] = std::nanf("");                              // column 6 of row 3
  for (int row = 0; row < kM; ++row) a[area(row, kK) + 3] = 0.0f;  // which meets it
  const wb::DeviceBuffer<float> device_a(a), device_b(b);
  wb::DeviceBuffer<float> c(area(kM, kN));
  run(device_a.data(), device_b.data(), c.data(), kM, kN, kK, nullptr);
  const std::vector<float> got = c.download();
  for (int row = 0; row < kM; ++row) {
    for (int column = 0; column < kN; ++column) {
      const float value = got[area(row, kN) + static_cast<std::size_t>(column)];
      const std::string where = "c[" + std::to_string(row) + "][" + std::to_string(column) + "]";
      if (column == 6) {
        EXPECT_TRUE(std::isnan(value)) << where << " = " << value << ": a NaN of b, times 0, is NaN";
      } else {
        EXPECT_TRUE(std::isinf(value) == (row == 2) && !std::isnan(value))
            << where << " = " << value << ": row 2 of a has an infinity, and no other row has one";
      }
    }
  }
}

TEST_P(FastMatmulTest, StoresToDifferentBanks) {
  if (const std::string why = not_counted({"tile", "register_tile"}); !why.empty()) GTEST_SKIP() << why;
  const wb::AccessCount stores = counts_of_product().shared_stores;
  if (HasFailure()) return;
  EXPECT_TRUE(
      at_best("wavefronts of the stores to shared memory",
              "Bank conflicts: which elements of a_tile does a warp store at once, and in which banks "
              "are they?",
              stores));
}

TEST_P(FastMatmulTest, ReadsVectorsOfATile) {
  if (const std::string why = not_counted({"tile", "register_tile"}); !why.empty()) GTEST_SKIP() << why;
  const wb::AccessCount loads = counts_of_product().shared_loads;
  if (HasFailure()) return;
  EXPECT_TRUE(at_most(3.0 / 32, static_cast<double>(loads.requests) / kMultiplyAdds,
                      "requests of shared memory per multiply-add of a warp",
                      "Two float4 of a_tile and one of b_tile per depth serve 32 multiply-adds.", loads));
  EXPECT_TRUE(at_best("wavefronts of the reads of shared memory",
                      "Bank conflicts: which elements of a tile does a warp read at once?", loads));
}

TEST_P(FastMatmulTest, CopiesVectors) {
  if (const std::string why = not_counted({"tile", "register_tile"}); !why.empty()) GTEST_SKIP() << why;
  const wb::AccessCount loads = counts_of_product().global_loads;
  if (HasFailure()) return;
  // A block copies 2 * 64 * 8 values per step, and a request of a warp can move 4 * 32.
  constexpr double kValues = 1.0 * (kSide / 64) * (kSide / 64) * (kCountedDepth / 8) * (2 * 64 * 8);
  EXPECT_TRUE(at_most(kValues / 128, static_cast<double>(loads.requests), "requests of global memory",
                      "Each value is copied once per tile of C, and a request of a warp can move 32 float4.",
                      loads));
  EXPECT_TRUE(at_best("sectors that are loaded",
                      "A sector has 32 bytes, two float4: let neighboring threads copy both.", loads));
}

TEST_P(FastMatmulTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::inout(wb::random_uniform(64, 1));
  float* x = buffer.data();
  expect_bad_pointers_named({"a", "b", "c"}, x, x + 16, x + 32, 4, 4, 4, nullptr);
  EXPECT_THROW_MESSAGE(run(x + 1, x + 16, x + 32, 4, 4, 4, nullptr), wb::Error, "rows_fit_pack4(k, a)");
  EXPECT_THROW_MESSAGE(run(x, x + 16, x + 34, 4, 4, 4, nullptr), wb::Error, "rows_fit_pack4(n, c)");
  EXPECT_THROW_MESSAGE(run(x, x + 16, x + 32, 0, 4, 4, nullptr), wb::Error, "m = 0");
  EXPECT_THROW_MESSAGE(run(x, x + 16, x + 32, 4, 6, 4, nullptr), wb::Error, "n = 6");
  EXPECT_THROW_MESSAGE(run(x, x + 16, x + 32, 4, 4, 5, nullptr), wb::Error, "k = 5");
}

WB_TEST_IMPLEMENTATIONS(FastMatmulTest, wb::FastMatmul);

}  // namespace
