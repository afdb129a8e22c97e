// Matrix products of bf16: the oracle reads the same rounded inputs, and only
// the result may be rounded again.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "02_matmul/matmul.h"
#include "02_matmul/testing/matmul_oracle.h"
#include "common/core/device_info.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"
#include "common/harness/inspection.h"

namespace {

using wb::area;
using wb::bf16;
using wb::MatmulLayout;

constexpr MatmulLayout kLayouts[] = {MatmulLayout::kNN, MatmulLayout::kNT, MatmulLayout::kTN};

struct Sizes {
  int m, n, k;
};

// Out: what c holds.
template <class Contract, class Out>
class Bf16Test : public wb::ImplementationTest<Contract> {
 protected:
  void expect_product(MatmulLayout layout, Sizes sizes, float alpha, float beta, std::size_t misalign = 0) {
    const auto [m, n, k] = sizes;
    SCOPED_TRACE("layout " + std::to_string(static_cast<int>(layout)) + ", m = " + std::to_string(m) +
                 ", n = " + std::to_string(n) + ", k = " + std::to_string(k));
    const std::vector<float> a = wb::rounded_to_bf16(wb::random_uniform(area(m, k), 1));
    const std::vector<float> b = wb::rounded_to_bf16(wb::random_uniform(area(k, n), 2));
    const std::vector<float> before = wb::rounded_to_bf16(wb::random_uniform(area(m, n), 3));
    std::vector<double> expected = wb::matmul_oracle(a, b, m, n, k);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] = alpha * expected[i] + (beta != 0.0f ? static_cast<double>(beta) * before[i] : 0.0);
    }

    auto device_a = wb::GuardedBuffer<bf16>::input(wb::to_bf16(wb::stored_a(layout, a, m, k)), misalign);
    auto device_b = wb::GuardedBuffer<bf16>::input(wb::to_bf16(wb::stored_b(layout, b, k, n)), misalign);
    // With beta = 0, c is not read: it holds NaN.
    auto c = beta == 0.0f ? wb::GuardedBuffer<Out>::output(area(m, n), misalign)
                          : wb::GuardedBuffer<Out>::inout(wb::from_float<Out>(before), misalign);
    this->run(layout, device_a.data(), device_b.data(), c.data(), m, n, k, alpha, beta, nullptr);
    // Sums are fp32, as in matmul_test.cpp; bf16 rounds them once.
    const wb::Tolerance tolerance = wb::stored_as<Out>({std::max(1e-6, 1e-7 * k), 1e-6});
    EXPECT_TRUE(wb::matches(wb::to_float(c.download()), expected, tolerance, {{m, n}}));
    EXPECT_TRUE(c.check("c"));
    EXPECT_TRUE(device_a.check("a"));
    EXPECT_TRUE(device_b.check("b"));
  }

  void expect_products() {
    for (const MatmulLayout layout : kLayouts) {
      for (const Sizes sizes : {Sizes{1, 1, 1}, {33, 65, 17}, {64, 64, 64}, {70, 132, 100}, {129, 3, 511}}) {
        expect_product(layout, sizes, 1.0f, 0.0f);
      }
      // Several tiles of any size, with rows of whole 16 bytes and without. Inspected, tiles of 128.
      const bool inspected = wb::detail::inspected();
      expect_product(layout, inspected ? Sizes{136, 264, 72} : Sizes{264, 520, 136}, 1.0f, 0.0f);
      expect_product(layout, inspected ? Sizes{129, 257, 65} : Sizes{257, 513, 129}, 1.0f, 0.0f);
      // More tiles of (128, 256) than a GPU has multiprocessors.
      if (!wb::device_is_cpu()) expect_product(layout, {1500, 3008, 72}, 1.0f, 0.0f);
      expect_product(layout, {68, 72, 40}, -1.5f, 0.5f);
      expect_product(layout, {68, 72, 40}, 1.0f, 0.0f, 1);
    }
  }

  void expect_refusals() {
    auto buffer = wb::GuardedBuffer<float>::output(16);
    auto* x = reinterpret_cast<bf16*>(buffer.data());
    auto* y = reinterpret_cast<Out*>(buffer.data());
    auto* askew = wb::misaligned(x);
    const auto multiply = [&](const bf16* a, const bf16* b, Out* c, int m, int n, int k) {
      this->run(MatmulLayout::kNN, a, b, c, m, n, k, 1.0f, 0.0f, nullptr);
    };
    EXPECT_THROW_MESSAGE(multiply(nullptr, x, y, 2, 2, 2), wb::Error, "a = 0");
    EXPECT_THROW_MESSAGE(multiply(askew, x, y, 2, 2, 2), wb::Error, "is_aligned(a)");
    EXPECT_THROW_MESSAGE(multiply(x, askew, y, 2, 2, 2), wb::Error, "is_aligned(b)");
    EXPECT_THROW_MESSAGE(multiply(x, x, y, 0, 2, 2), wb::Error, "m = 0");
    EXPECT_THROW_MESSAGE(multiply(x, x, y, 2, -1, 2), wb::Error, "n = -1");
  }
};

class MatmulBf16Test : public Bf16Test<wb::MatmulBf16, bf16> {};
class MatmulBf16ToFloatTest : public Bf16Test<wb::MatmulBf16ToFloat, float> {};

TEST_P(MatmulBf16Test, MultipliesEveryLayout) {
  expect_products();
}

// 4096 products of 1: a bf16 sum would stop at 256, where 256 + 1 rounds to 256.
TEST_P(MatmulBf16Test, AddsUpInFp32) {
  constexpr int kK = 4096;
  auto ones = wb::GuardedBuffer<bf16>::input(wb::to_bf16(std::vector<float>(kK, 1.0f)));
  auto c = wb::GuardedBuffer<bf16>::output(1);
  run(MatmulLayout::kNT, ones.data(), ones.data(), c.data(), 1, 1, kK, 1.0f, 0.0f, nullptr);
  EXPECT_EQ(wb::to_float(c.download())[0], kK);
}

TEST_P(MatmulBf16Test, RejectsBadArguments) {
  expect_refusals();
}

TEST_P(MatmulBf16ToFloatTest, MultipliesEveryLayout) {
  expect_products();
}

TEST_P(MatmulBf16ToFloatTest, RejectsBadArguments) {
  expect_refusals();
}

WB_TEST_IMPLEMENTATIONS(MatmulBf16Test, wb::MatmulBf16);
WB_TEST_IMPLEMENTATIONS(MatmulBf16ToFloatTest, wb::MatmulBf16ToFloat);

}  // namespace
