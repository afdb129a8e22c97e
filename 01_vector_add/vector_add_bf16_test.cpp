// Vector addition of bf16: added in fp32, rounded once.
#include "01_vector_add/vector_add.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"
#include "common/harness/sizes.h"

namespace {

using wb::bf16;

class VectorAddBf16Test : public wb::ImplementationTest<wb::VectorAddBf16> {
 protected:
  void expect_sum(int n, std::size_t misalign) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", " + std::to_string(misalign) + " elements past a boundary");
    const auto size = static_cast<std::size_t>(n);
    auto a = wb::GuardedBuffer<bf16>::input(wb::to_bf16(wb::random_normal(size, 1)), misalign);
    auto b = wb::GuardedBuffer<bf16>::input(wb::to_bf16(wb::random_normal(size, 2)), misalign);
    auto out = wb::GuardedBuffer<bf16>::output(size, misalign);
    run(a.data(), b.data(), out.data(), n, nullptr);
    const std::vector<float> x = wb::to_float(a.download()), y = wb::to_float(b.download());
    std::vector<double> expected(size);
    for (std::size_t i = 0; i < size; ++i) expected[i] = static_cast<double>(x[i]) + y[i];
    EXPECT_TRUE(wb::matches(wb::to_float(out.download()), expected, {1e-6, wb::kBf16Rounding}));
    EXPECT_TRUE(out.check("out"));
    EXPECT_TRUE(a.check("a"));
    EXPECT_TRUE(b.check("b"));
  }
};

TEST_P(VectorAddBf16Test, AddsVectorsOfAnyLength) {
  for (const int n : wb::edge_sizes()) expect_sum(n, 0);
}

TEST_P(VectorAddBf16Test, AddsUnalignedVectors) {
  for (const std::size_t misalign : {1, 4}) expect_sum(1001, misalign);
}

TEST_P(VectorAddBf16Test, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<bf16>::output(8);
  bf16* x = buffer.data();
  EXPECT_THROW_MESSAGE(run(x, x, x, -1, nullptr), wb::Error, "n = -1");
  expect_bad_pointers_named({"a", "b", "out"}, x, x, x, 4, nullptr);
}

WB_TEST_IMPLEMENTATIONS(VectorAddBf16Test, wb::VectorAddBf16);

}  // namespace
