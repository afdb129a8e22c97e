// Tests of matmul_wmma, in the order of the lesson's steps: the untouched starter fails at the first.
#include "02_matmul/matmul_wmma.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "02_matmul/testing/matmul_oracle.h"
#include "02_matmul/testing/matmul_wmma_diagnosis.h"
#include "common/harness/bf16.h"
#include "common/harness/counts.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"
#include "common/harness/inspection.h"

namespace {

using wb::area;
using wb::bf16;

// Factors are U(-1, 1), rounded to bf16; their products are exact. The errors of K sums grow with K.
wb::Tolerance tolerance_for(int k) {
  return {std::max(1e-6, 1e-7 * k), 1e-6};
}

std::vector<float> factors(int rows, int columns, std::uint64_t seed) {
  return wb::rounded_to_bf16(wb::random_uniform(area(rows, columns), seed));
}

class MatmulWmmaTest : public wb::ImplementationTest<wb::MatmulWmma> {
 protected:
  void expect_product(int m, int n, int k) {
    SCOPED_TRACE("m = " + std::to_string(m) + ", n = " + std::to_string(n) + ", k = " + std::to_string(k));
    const std::vector<float> a = factors(m, k, 1), b = factors(k, n, 2);
    auto device_a = wb::GuardedBuffer<bf16>::input(wb::to_bf16(a));
    auto device_b = wb::GuardedBuffer<bf16>::input(wb::to_bf16(b));
    auto c = wb::GuardedBuffer<float>::output(area(m, n));
    ASSERT_NO_THROW(run(device_a.data(), device_b.data(), c.data(), m, n, k, nullptr));
    const std::vector<float> got = c.download();
    const std::vector<double> expected = wb::matmul_oracle(a, b, m, n, k);
    const auto small = wb::matches(got, expected, tolerance_for(k), {{m, n}});
    EXPECT_TRUE(small) << wb::explain_matmul_wmma(got, a, b, m, n, k);
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

  // Why this implementation or this program is not asked for the counts of a step: `fragment` is the kernel
  // before them. An inspected program looks at the same product.
  std::string not_counted() const {
    const std::string& name = implementation().name;
    if (name == "fragment") return name + " comes before this step";
    return wb::detail::inspected() ? "" : wb::no_counts();
  }

  static void expect_shared(const wb::AccessCount& loads) {
    if (wb::detail::inspected()) return;  // such a program does not count
    EXPECT_GT(loads.requests, 0u) << "no fragment is loaded from shared memory";
  }

  static constexpr int kSide = 128, kCountedDepth = 64;
  static constexpr double kProducts =
      (kSide / 16) * (kSide / 16) * (kCountedDepth / 16);  // mma_sync of a warp
};

TEST_P(MatmulWmmaTest, MultipliesOneTile) {
  expect_product(64, 64, 16);
}

TEST_P(MatmulWmmaTest, AddsUpAlongK) {
  expect_product(64, 64, 32);
  expect_product(64, 128, 160);
}

// Tiles that stick out of C; also steps of 64 that stick out of K.
TEST_P(MatmulWmmaTest, GuardsTheEdges) {
  expect_product(48, 80, 48);
}

TEST_P(MatmulWmmaTest, MultipliesEveryShape) {
  for (const auto& [m, n, k] : {std::tuple{16, 16, 16}, {16, 144, 80}, {112, 16, 64}, {16, 32, 272}}) {
    expect_product(m, n, k);
    if (HasFailure()) return;  // one shape explains enough
  }
}

// 1024 products of 1: a sum in bf16 would stop at 256, where 256 + 1 rounds to 256.
TEST_P(MatmulWmmaTest, AddsUpInFp32) {
  constexpr int kSize = 16, kK = 1024;
  const wb::DeviceBuffer<bf16> ones(wb::to_bf16(std::vector<float>(kSize * kK, 1.0f)));
  auto c = wb::GuardedBuffer<float>::output(kSize * kSize);
  run(ones.data(), ones.data(), c.data(), kSize, kSize, kK, nullptr);
  for (const float sum : c.download()) ASSERT_EQ(sum, kK);
}

// Sums of a NaN are NaN, and no others: what pads a tile is 0.
TEST_P(MatmulWmmaTest, KeepsNanInItsRow) {
  constexpr int kM = 80, kN = 80, kK = 80, kRow = 70;
  std::vector<float> a = factors(kM, kK, 1);
  const std::vector<float> b = factors(kK, kN, 2);
  // One past the end of the row before, and one in the last step.
  for (const int column : {0, 77}) a[kRow * kK + column] = std::numeric_limits<float>::quiet_NaN();
  const wb::DeviceBuffer<bf16> device_a(wb::to_bf16(a)), device_b(wb::to_bf16(b));
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

// A fragment that a warp loads from global memory serves that warp alone.
TEST_P(MatmulWmmaTest, SharesTiles) {
  if (const std::string why = not_counted(); !why.empty()) GTEST_SKIP() << why;
  const wb::AccessCount loads = counts_of_product().global_loads;
  if (HasFailure()) return;
  // Of tiles of 32 x 32 outputs; 32 bytes per sector, 8 elements per lane and request.
  constexpr double kElements = 2.0 * kSide * kSide * kCountedDepth / 32;
  EXPECT_TRUE(at_most(
      kElements * sizeof(bf16) / 32, static_cast<double>(loads.moved), "sectors that are loaded",
      "The block loads each element of its tiles once, and neighboring lanes load neighbors.", loads));
  EXPECT_TRUE(at_most(kElements / (8 * 32), static_cast<double>(loads.requests), "requests of global memory",
                      "load8 moves 8 elements per lane, and a request has 32 lanes.", loads));
}

TEST_P(MatmulWmmaTest, ReadsFromDifferentBanks) {
  if (const std::string why = not_counted(); !why.empty()) GTEST_SKIP() << why;
  const wb::AccessCount loads = counts_of_product().shared_loads;
  if (HasFailure()) return;
  expect_shared(loads);
  EXPECT_TRUE(
      at_most(static_cast<double>(loads.ideal), static_cast<double>(loads.moved),
              "wavefronts of the reads of shared memory",
              "Bank conflicts: 8 rows of a tile are read at once, 16 bytes of each. In which banks are "
              "they?",
              loads));
}

TEST_P(MatmulWmmaTest, UsesFragmentsTwice) {
  if (const std::string why = not_counted(); !why.empty()) GTEST_SKIP() << why;
  const wb::AccessCount loads = counts_of_product().shared_loads;
  if (HasFailure()) return;
  expect_shared(loads);
  EXPECT_TRUE(
      at_most(4.0, static_cast<double>(loads.requests) / kProducts, "requests of shared memory per mma_sync",
              "A fragment takes 4 requests. With 2 x 2 fragments of C, a warp loads 2 of A and 2 of B, "
              "and multiplies four times.",
              loads));
}

// The last rows of a, and then those of c, begin past element 2^31: a 32-bit index is that of another row.
TEST_P(MatmulWmmaTest, CountsPastTwoToThe31) {
  constexpr int kN = 16, kK = 1 << 12;
  const int m = static_cast<int>(wb::far_elements() / kK) + 16;
  const std::size_t last = area(m - 16, kK);
  const std::size_t floats = last + area(16, kK);
  if (const std::string why = wb::no_far_operands(2 * floats, implementation().name); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const std::vector<float> rows = factors(16, kK, 1), b = factors(kK, kN, 2);
  const std::vector<bf16> stored = wb::to_bf16(rows);
  const wb::DeviceBuffer<bf16> device_b(wb::to_bf16(b));
  std::vector<float> got(16 * kN);
  {
    const wb::FarOperand memory(floats / 2);
    auto* a = reinterpret_cast<bf16*>(memory.data());
    wb::DeviceBuffer<float> c(area(m, kN));
    WB_CUDA_CHECK(cudaMemcpy(a + last, stored.data(), stored.size() * sizeof(bf16), cudaMemcpyHostToDevice));
    // N is narrower than a tile: the last rows are in the last block.
    wb::run_far(static_cast<std::int64_t>(last),
                [&] { run(a, device_b.data(), c.data(), m, kN, kK, nullptr); }, {0, 1});
    WB_CUDA_CHECK(cudaMemcpy(got.data(), c.data() + area(m - 16, kN), got.size() * sizeof(float),
                             cudaMemcpyDeviceToHost));
    EXPECT_TRUE(wb::matches(got, wb::matmul_oracle(rows, b, 16, kN, kK), tolerance_for(kK), {{16, kN}}))
        << "the last rows of a: too far for a 32-bit index";
  }
  if (HasFailure()) return;

  // The other way round: a is narrow, and the last rows of c lie there.
  const wb::FarOperand far_c(floats);
  const std::vector<float> narrow = factors(16, kN, 3);
  wb::DeviceBuffer<bf16> device_a(area(m, kN));
  device_a.fill_bytes(0);
  const std::vector<bf16> narrow_stored = wb::to_bf16(narrow);
  WB_CUDA_CHECK(cudaMemcpy(device_a.data() + area(m - 16, kN), narrow_stored.data(),
                           narrow_stored.size() * sizeof(bf16), cudaMemcpyHostToDevice));
  wb::run_far(static_cast<std::int64_t>(last),
              [&] { run(device_a.data(), device_b.data(), far_c.data(), m, kK, kN, nullptr); },
              {0, kK / 32});  // of tiles of at least 32 columns, the last row of tiles
  got.resize(16 * kK);
  WB_CUDA_CHECK(
      cudaMemcpy(got.data(), far_c.data() + last, got.size() * sizeof(float), cudaMemcpyDeviceToHost));
  EXPECT_TRUE(wb::matches(got, wb::matmul_oracle(narrow, b, 16, kK, kN), tolerance_for(kN), {{16, kK}}))
      << "the last rows of c: too far for a 32-bit index";
}

TEST_P(MatmulWmmaTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::inout(wb::random_uniform(1024, 1));
  auto* x = reinterpret_cast<bf16*>(buffer.data());
  float* c = buffer.data() + 512;
  expect_bad_pointers_named({"a", "b", "c"}, x, x + 256, c, 16, 16, 16, nullptr);
  EXPECT_THROW_MESSAGE(run(x + 8, x + 256, c, 16, 16, 16, nullptr), wb::Error, "is_aligned(a)");
  EXPECT_THROW_MESSAGE(run(x, x + 264, c, 16, 16, 16, nullptr), wb::Error, "is_aligned(b)");
  EXPECT_THROW_MESSAGE(run(x, x + 256, c + 4, 16, 16, 16, nullptr), wb::Error, "is_aligned(c)");
  EXPECT_THROW_MESSAGE(run(x, x + 256, c, 0, 16, 16, nullptr), wb::Error, "m = 0");
  EXPECT_THROW_MESSAGE(run(x, x + 256, c, 16, 24, 16, nullptr), wb::Error, "n = 24");
  EXPECT_THROW_MESSAGE(run(x, x + 256, c, 16, 16, 8, nullptr), wb::Error, "k = 8");
}

WB_TEST_IMPLEMENTATIONS(MatmulWmmaTest, wb::MatmulWmma);

}  // namespace
