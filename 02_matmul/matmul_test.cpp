// Tests of matmul, in the order of the lesson's steps: the untouched starter fails at the first.
#include "02_matmul/matmul.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "02_matmul/testing/matmul_count.h"
#include "02_matmul/testing/matmul_oracle.h"
#include "common/core/device_info.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"
#include "common/harness/inspection.h"

namespace {

using wb::area;
using wb::MatmulLayout;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr MatmulLayout kLayouts[] = {MatmulLayout::kNN, MatmulLayout::kNT, MatmulLayout::kTN};

std::string name_of(MatmulLayout layout) {
  switch (layout) {
    case MatmulLayout::kNN:
      return "NN";
    case MatmulLayout::kNT:
      return "NT";
    case MatmulLayout::kTN:
      return "TN";
  }
  return "unknown";
}

struct Sizes {
  int m, n, k;
};

struct Scales {
  float alpha = 1.0f;
  float beta = 0.0f;
};

// Inputs are U(-1, 1): partial sums grow with sqrt(K), and so do K rounding errors of them together with K.
// One product that is missing, or rounded to TF32, shows at every K tested here.
wb::Tolerance tolerance_for(int k) {
  return {std::max(1e-6, 1e-7 * k), 1e-6};
}

class MatmulTest : public wb::ImplementationTest<wb::Matmul> {
 protected:
  // Multiplies random matrices; every buffer starts `misalign` floats past a 256-byte boundary. With beta =
  // 0, c holds NaN before.
  void expect_product(MatmulLayout layout, Sizes sizes, Scales scales = {}, std::size_t misalign = 0) {
    const auto [m, n, k] = sizes;
    SCOPED_TRACE(name_of(layout) + ", m = " + std::to_string(m) + ", n = " + std::to_string(n) +
                 ", k = " + std::to_string(k));
    const std::vector<float> a = wb::random_uniform(area(m, k), 1), b = wb::random_uniform(area(k, n), 2);
    const std::vector<float> before =
        scales.beta == 0.0f ? std::vector<float>() : wb::random_uniform(area(m, n), 3);
    std::vector<double> expected = wb::matmul_oracle(a, b, m, n, k);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] *= scales.alpha;
      if (scales.beta != 0.0f) expected[i] += static_cast<double>(scales.beta) * before[i];
    }

    auto device_a = wb::GuardedBuffer<float>::input(wb::stored_a(layout, a, m, k), misalign);
    auto device_b = wb::GuardedBuffer<float>::input(wb::stored_b(layout, b, k, n), misalign);
    auto c = scales.beta == 0.0f ? wb::GuardedBuffer<float>::output(area(m, n), misalign)
                                 : wb::GuardedBuffer<float>::inout(before, misalign);
    run(layout, device_a.data(), device_b.data(), c.data(), m, n, k, scales.alpha, scales.beta, nullptr);
    EXPECT_TRUE(wb::matches(c.download(), expected, tolerance_for(k), {{m, n}, 0, before}))
        << explain(layout, a, b, c.download(), sizes);
    EXPECT_TRUE(c.check("c"));
    EXPECT_TRUE(device_a.check("a"));
    EXPECT_TRUE(device_b.check("b"));
  }

 private:
  std::string explain(MatmulLayout layout, const std::vector<float>& a, const std::vector<float>& b,
                      const std::vector<float>& got, Sizes sizes) {
    const std::string misread = explain_layout(layout, a, b, got, sizes);
    if (!misread.empty()) return misread;
    if (!std::all_of(got.begin(), got.end(), [](float x) { return std::isfinite(x); })) return {};
    if (uses_unloaded_tiles()) {
      return "\n  matmul: matrices of one number give different sums, so threads read something else than "
             "the tiles "
             "that belong to them: an index outside of a tile, or no __syncthreads() after the tiles are "
             "loaded";
    }
    if (overwrites_used_tiles()) {
      return "\n  matmul: threads that add the same numbers get different sums: look for a race. Does the "
             "block wait, __syncthreads(), after the tiles are used, before the next ones overwrite them?";
    }
    return {};
  }

  // Whether the outputs differ, where an index may be as wrong as it likes and only a race makes them do so.
  // On a GPU it need not show in each run.
  bool sums_differ(const std::vector<float>& a, const std::vector<float>& b, Sizes sizes, int repeats) {
    wb::DeviceBuffer<float> device_a(a), device_b(b);
    for (int repeat = 0; repeat < repeats; ++repeat) {
      auto c = wb::GuardedBuffer<float>::output(area(sizes.m, sizes.n));
      run(MatmulLayout::kNN, device_a.data(), device_b.data(), c.data(), sizes.m, sizes.n, sizes.k, 1.0f,
          0.0f, nullptr);
      const std::vector<float> sums = c.download();
      if (!std::all_of(sums.begin(), sums.end(), [](float sum) { return std::isfinite(sum); })) return false;
      if (std::any_of(sums.begin(), sums.end(), [&](float sum) { return sum != sums[0]; })) return true;
    }
    return false;
  }

  // What shared memory holds from the run before is another number.
  bool uses_unloaded_tiles() {
    constexpr Sizes kSizes{128, 192, 64};
    for (int repeat = 0; repeat < (wb::device_is_cpu() ? 2 : 50); ++repeat) {
      const auto number = static_cast<float>(1 + repeat % 2);
      const std::vector<float> a(area(kSizes.m, kSizes.k), number), b(area(kSizes.k, kSizes.n), number);
      if (sums_differ(a, b, kSizes, 1)) return true;
    }
    return false;
  }

  // A all ones, and the rows of B constant. Where one tile is right, a wrong start of the next is as wrong
  // for each thread of the block.
  bool overwrites_used_tiles() {
    constexpr int kTile = 16, kK = 512;
    const int m = wb::device_is_cpu() ? kTile : 256 * kTile;
    std::vector<float> b(kK * kTile);
    for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(1 + i / kTile * 37 % 101);
    return multiplies_one_tile() && sums_differ(std::vector<float>(area(m, kK), 1.0f), b, {m, kTile, kK},
                                                wb::device_is_cpu() ? 1 : 50);
  }

  bool multiplies_one_tile() {
    constexpr int kTile = 16;
    const std::vector<float> a = wb::random_uniform(kTile * kTile, 1),
                             b = wb::random_uniform(kTile * kTile, 2);
    wb::DeviceBuffer<float> device_a(a), device_b(b);
    auto c = wb::GuardedBuffer<float>::output(kTile * kTile);
    run(MatmulLayout::kNN, device_a.data(), device_b.data(), c.data(), kTile, kTile, kTile, 1.0f, 0.0f,
        nullptr);
    return bool(
        wb::matches(c.download(), wb::matmul_oracle(a, b, kTile, kTile, kTile), tolerance_for(kTile)));
  }

  // Says so where `got` is the product of a transposed operand that was read as if it were not.
  static std::string explain_layout(MatmulLayout layout, const std::vector<float>& a,
                                    const std::vector<float>& b, const std::vector<float>& got, Sizes sizes) {
    const auto [m, n, k] = sizes;
    if (layout == MatmulLayout::kNN) return {};
    const std::vector<double> misread =
        wb::matmul_oracle(wb::stored_a(layout, a, m, k), wb::stored_b(layout, b, k, n), m, n, k);
    if (!wb::matches(got, misread, tolerance_for(k))) return {};
    return layout == MatmulLayout::kNT ? "b was read as if it were (K, N), but kNT stores it as (N, K)"
                                       : "a was read as if it were (M, K), but kTN stores it as (K, M)";
  }
};

TEST_P(MatmulTest, MultipliesOneTile) {
  expect_product(MatmulLayout::kNN, {16, 16, 16});
}

TEST_P(MatmulTest, MultipliesManyTiles) {
  expect_product(MatmulLayout::kNN, {128, 192, 64});
}

TEST_P(MatmulTest, GuardsTheTail) {
  expect_product(MatmulLayout::kNN, {67, 71, 37});
}

// Every output is the same number, and a wrong one tells which part of K was left out or counted twice. Many
// blocks, and on a GPU many runs: a race need not show in each.
TEST_P(MatmulTest, CountsEveryProductOnce) {
  constexpr int kM = 128, kN = 192, kK = 56;
  const std::vector<int> expected = {16, 16, 16, 8};
  std::vector<float> b(kK * kN);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = std::pow(17.0f, static_cast<float>(i / kN / 16));
  const auto sum = static_cast<float>(16 * (1 + 17 + 289) + 8 * 4913);  // exact in fp32, in any order
  wb::DeviceBuffer<float> device_a(std::vector<float>(kM * kK, 1.0f)), device_b(b);
  for (int repeat = 0; repeat < (wb::device_is_cpu() ? 1 : 50); ++repeat) {
    auto c = wb::GuardedBuffer<float>::output(kM * kN);
    run(MatmulLayout::kNN, device_a.data(), device_b.data(), c.data(), kM, kN, kK, 1.0f, 0.0f, nullptr);
    const std::vector<float> got = c.download();
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (got[i] == sum) continue;
      FAIL() << "c[" << i / kN << "][" << i % kN << "] is " << got[i] << ", expected " << sum << ". "
             << wb::explain_count(got[i], expected);
    }
  }
}

TEST_P(MatmulTest, TransposesB) {
  expect_product(MatmulLayout::kNT, {64, 64, 64});
  expect_product(MatmulLayout::kNT, {67, 71, 37});
}

TEST_P(MatmulTest, TransposesA) {
  expect_product(MatmulLayout::kTN, {64, 64, 64});
  expect_product(MatmulLayout::kTN, {67, 71, 37});
}

TEST_P(MatmulTest, ScalesByAlpha) {
  for (const MatmulLayout layout : kLayouts) expect_product(layout, {65, 66, 33}, {-0.375f, 0.0f});
}

TEST_P(MatmulTest, AccumulatesWithBeta) {
  for (const MatmulLayout layout : kLayouts) {
    expect_product(layout, {65, 66, 33}, {1.0f, 1.0f});
    expect_product(layout, {68, 72, 36}, {0.5f, -0.25f});
  }
}

// Its NaNs are ordinary ones, unlike the poison of an output that is never written.
TEST_P(MatmulTest, DoesNotReadCWhenBetaIsZero) {
  constexpr int kSize = 20;
  const std::vector<float> a = wb::random_uniform(kSize * kSize, 1), b = wb::random_uniform(kSize * kSize, 2);
  auto device_a = wb::GuardedBuffer<float>::input(a), device_b = wb::GuardedBuffer<float>::input(b);
  auto c = wb::GuardedBuffer<float>::inout(std::vector<float>(kSize * kSize, kNan));
  run(MatmulLayout::kNN, device_a.data(), device_b.data(), c.data(), kSize, kSize, kSize, 1.0f, 0.0f,
      nullptr);
  EXPECT_TRUE(wb::matches(c.download(), wb::matmul_oracle(a, b, kSize, kSize, kSize), tolerance_for(kSize),
                          {{kSize, kSize}}));
}

TEST_P(MatmulTest, WithAlphaZeroOnlyScalesC) {
  expect_product(MatmulLayout::kNN, {20, 70, 40}, {0.0f, 0.5f});
}

// Each of M, N, K in turn takes every edge size, beside two sizes that are no multiple of anything.
TEST_P(MatmulTest, MultipliesEverySize) {
  const auto sizes = wb::unless_inspected(wb::edge_sizes(), {1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129});
  for (const MatmulLayout layout : kLayouts) {
    for (const int size : sizes) {
      expect_product(layout, {size, 37, 19});
      expect_product(layout, {37, size, 19});
      expect_product(layout, {19, 37, size});
      if (HasFailure()) return;  // one size explains enough
    }
  }
}

TEST_P(MatmulTest, MultipliesVectors) {
  const int size = wb::unless_inspected(1003, 133);
  for (const MatmulLayout layout : kLayouts) {
    expect_product(layout, {1, 1, 1});
    expect_product(layout, {1, 1, size});
    expect_product(layout, {1, size, 1});
    expect_product(layout, {size, 1, 1});
    expect_product(layout, {1, 257, 131});
    expect_product(layout, {257, 1, 131});
  }
}

// The CPU device gets a smaller product: 2 GFLOP in every layout and implementation take it many seconds.
TEST_P(MatmulTest, MultipliesLargeOddMatrices) {
  const Sizes sizes = wb::device_is_cpu() ? wb::unless_inspected(Sizes{251, 257, 263}, {139, 151, 133})
                                          : Sizes{999, 1003, 1001};
  for (const MatmulLayout layout : kLayouts) expect_product(layout, sizes);
}

// K far larger than M and N, as in the gradient of a weight: few tiles, each with a long way to go.
TEST_P(MatmulTest, SumsALongWay) {
  const int k = wb::unless_inspected(5000, 300);
  for (const MatmulLayout layout : kLayouts) expect_product(layout, {33, 35, k});
}

// Sizes are multiples of 4, so that only the address forbids 16-byte accesses.
TEST_P(MatmulTest, TakesAnyAlignment) {
  for (const MatmulLayout layout : kLayouts) {
    for (const std::size_t misalign : {1, 2, 3}) expect_product(layout, {64, 68, 32}, {1.0f, 1.0f}, misalign);
  }
}

// Padding a tile with anything but zeros, or multiplying another row's values by zero, would spread the NaN.
TEST_P(MatmulTest, KeepsNanInItsRow) {
  constexpr int kM = 70, kN = 75, kK = 45, kRow = 68;
  for (const MatmulLayout layout : kLayouts) {
    SCOPED_TRACE(name_of(layout));
    std::vector<float> a = wb::random_uniform(kM * kK, 1);
    const std::vector<float> b = wb::random_uniform(kK * kN, 2);
    a[kRow * kK + 20] = kNan;
    wb::DeviceBuffer<float> device_a(wb::stored_a(layout, a, kM, kK)),
        device_b(wb::stored_b(layout, b, kK, kN));
    auto c = wb::GuardedBuffer<float>::output(kM * kN);
    run(layout, device_a.data(), device_b.data(), c.data(), kM, kN, kK, 1.0f, 0.0f, nullptr);
    const std::vector<float> got = c.download();
    for (int row = 0; row < kM; ++row) {
      for (int column = 0; column < kN; ++column) {
        ASSERT_EQ(std::isnan(got[static_cast<std::size_t>(row * kN + column)]), row == kRow)
            << "row " << row << ", column " << column;
      }
    }
  }
}

TEST_P(MatmulTest, GivesTheSameBitsEveryTime) {
  constexpr int kM = 130, kN = 70;
  const int k = wb::unless_inspected(300, 100);
  wb::DeviceBuffer<float> a(wb::random_uniform(kM * k, 1)), b(wb::random_uniform(k * kN, 2));
  wb::DeviceBuffer<float> first(kM * kN), second(kM * kN);
  run(MatmulLayout::kNN, a.data(), b.data(), first.data(), kM, kN, k, 1.0f, 0.0f, nullptr);
  run(MatmulLayout::kNN, a.data(), b.data(), second.data(), kM, kN, k, 1.0f, 0.0f, nullptr);
  EXPECT_EQ(first.download(), second.download());
}

// Two products in one stream, the second reading what the first writes, with no waiting in between.
TEST_P(MatmulTest, TakesItsTurnInTheStream) {
  constexpr int kSize = 96;
  const std::vector<float> a = wb::random_uniform(kSize * kSize, 1), b = wb::random_uniform(kSize * kSize, 2);
  const std::vector<double> product = wb::matmul_oracle(a, b, kSize, kSize, kSize);
  const std::vector<double> expected =
      wb::matmul_oracle(std::vector<float>(product.begin(), product.end()), b, kSize, kSize, kSize);
  wb::DeviceBuffer<float> device_a(a), device_b(b), between(kSize * kSize), c(kSize * kSize);
  between.fill_bytes(0xff);
  WB_CUDA_CHECK(cudaDeviceSynchronize());

  cudaStream_t stream = nullptr;
  WB_CUDA_CHECK(cudaStreamCreate(&stream));
  const auto matmul = implementation().function;
  matmul(MatmulLayout::kNN, device_a.data(), device_b.data(), between.data(), kSize, kSize, kSize, 1.0f, 0.0f,
         stream);
  matmul(MatmulLayout::kNN, between.data(), device_b.data(), c.data(), kSize, kSize, kSize, 1.0f, 0.0f,
         stream);
  WB_CUDA_CHECK(cudaStreamSynchronize(stream));
  WB_CUDA_CHECK(cudaStreamDestroy(stream));
  // Elements reach about 30, with the errors of both products.
  EXPECT_TRUE(wb::matches(c.download(), expected, {1e-4, 1e-5}, {{kSize, kSize}}));
}

TEST_P(MatmulTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::inout(wb::random_uniform(16, 1));
  float* x = buffer.data();
  const auto multiply = [&](const float* a, const float* b, float* c, int m, int n, int k) {
    run(MatmulLayout::kNT, a, b, c, m, n, k, 1.0f, 0.0f, nullptr);
  };
  EXPECT_THROW_MESSAGE(multiply(nullptr, x, x, 2, 2, 2), wb::Error, "a = 0");
  EXPECT_THROW_MESSAGE(multiply(x, nullptr, x, 2, 2, 2), wb::Error, "b = 0");
  EXPECT_THROW_MESSAGE(multiply(x, x, nullptr, 2, 2, 2), wb::Error, "c = 0");
  const auto askew = wb::misaligned(x);
  EXPECT_THROW_MESSAGE(multiply(askew, x, x, 2, 2, 2), wb::Error, "is_aligned(a)");
  EXPECT_THROW_MESSAGE(multiply(x, askew, x, 2, 2, 2), wb::Error, "is_aligned(b)");
  EXPECT_THROW_MESSAGE(multiply(x, x, askew, 2, 2, 2), wb::Error, "is_aligned(c)");
  EXPECT_THROW_MESSAGE(multiply(x, x, x, 0, 2, 2), wb::Error, "m = 0");
  EXPECT_THROW_MESSAGE(multiply(x, x, x, 2, -1, 2), wb::Error, "n = -1");
  EXPECT_THROW_MESSAGE(multiply(x, x, x, 2, 2, 0), wb::Error, "k = 0");
  EXPECT_THROW_MESSAGE(run(static_cast<MatmulLayout>(7), x, x, x, 2, 2, 2, 1.0f, 0.0f, nullptr), wb::Error,
                       "layout) = 7");
}

// The last row of a begins past element 2^31: a 32-bit index reads another row. On the CPU device it begins
// past 2^32, and that other row is row 2. As many rows as tiles of 16 rows, one block each, may have: each
// step along K costs the CPU device a whole tile.
TEST_P(MatmulTest, CountsPastTwoToThe31) {
  constexpr int kN = 5, kK = 1 << 13;
  const int m = static_cast<int>(wb::far_elements() / kK) + 3;
  const std::size_t last = area(m - 1, kK);
  if (const std::string why = wb::no_far_operands(last + kK, implementation().name); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const wb::FarOperand a(last + kK);
  wb::DeviceBuffer<float> c(area(m, kN));
  const std::vector<float> row = wb::random_uniform(kK, 1), row_2 = wb::random_uniform(kK, 4),
                           b = wb::random_uniform(area(kK, kN), 2);
  WB_CUDA_CHECK(cudaMemcpy(a.data() + last, row.data(), kK * sizeof(float), cudaMemcpyHostToDevice));
  WB_CUDA_CHECK(cudaMemcpy(a.data() + 2 * kK, row_2.data(), kK * sizeof(float), cudaMemcpyHostToDevice));
  wb::DeviceBuffer<float> device_b(b);
  constexpr std::uint64_t kEnds = 4;  // N is narrower than a tile: the last row is in the last block
  wb::run_far(
      static_cast<std::int64_t>(last),
      [&] { run(MatmulLayout::kNN, a.data(), device_b.data(), c.data(), m, kN, kK, 1.0f, 0.0f, nullptr); },
      {kEnds, kEnds});
  std::vector<float> got = c.download();
  got.erase(got.begin(), got.end() - kN);
  EXPECT_TRUE(wb::matches(got, wb::matmul_oracle(row, b, 1, kN, kK), tolerance_for(kK), {{1, kN}}))
      << (wb::looks_like(got, wb::matmul_oracle(row_2, b, 1, kN, kK))
              ? wb::explain_wrapped(static_cast<std::int64_t>(last))
              : "");
}

WB_TEST_IMPLEMENTATIONS(MatmulTest, wb::Matmul);

}  // namespace
