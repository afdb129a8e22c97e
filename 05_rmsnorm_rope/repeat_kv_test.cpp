// Tests of repeat_kv and its gradient, in the order in which one would make them pass.
#include "05_rmsnorm_rope/repeat_kv.h"

#include <numeric>
#include <span>

#include "05_rmsnorm_rope/testing/repeat_kv_oracle.h"
#include "common/harness/far_matches.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::GuardedBuffer;
using wb::HeadsLayout;
using wb::HeadsShape;
using Sizes = wb::RepeatKvSizes;

constexpr float kGap = 12345.0f;  // between the elements of a view

// Every ratio, sizes on both sides of warps and blocks.
std::vector<Sizes> test_sizes() {
  std::vector<Sizes> all = {{1, 1, 1, 1, 1},  {3, 5, 6, 6, 16},  {3, 5, 6, 3, 16}, {3, 5, 6, 2, 16},
                            {3, 5, 6, 1, 16}, {2, 9, 32, 4, 64}, {5, 3, 15, 5, 7}};
  for (const int t : wb::edge_sizes()) all.push_back({2, t, 4, 2, 5});
  for (const int d : {1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 257, 1030}) all.push_back({2, 3, 4, 2, d});
  return all;
}

// Two sequences of one head that is copied twice. The copies of the second one lie past element 2^31, and on
// the CPU device a copy alone has more elements.
struct FarHeads {
  static constexpr int kB = 2, kH = 2, kD = 64, kSeen = 4 * kD;  // the last four tokens
  static int t() { return static_cast<int>(wb::far_elements() / 2 / kD) + 4; }
  static std::size_t one() { return static_cast<std::size_t>(kB) * static_cast<std::size_t>(t()) * kD; }
  static std::string lacking(const std::string& name) { return wb::no_far_operands(3 * one(), name); }
  static wb::HeadsShape shape() { return {kB, t(), 1, kD}; }
  static void store(const wb::FarOperand& to, std::size_t size, const std::vector<float>& last) {
    WB_CUDA_CHECK(
        cudaMemcpy(to.data() + size - kSeen, last.data(), kSeen * sizeof(float), cudaMemcpyHostToDevice));
  }
  static std::vector<float> last_of(const wb::FarOperand& from, std::size_t size) {
    std::vector<float> last(kSeen);
    WB_CUDA_CHECK(
        cudaMemcpy(last.data(), from.data() + size - kSeen, kSeen * sizeof(float), cudaMemcpyDeviceToHost));
    return last;
  }
  static std::string explain() { return "the last tokens of the last copy: too far for a 32-bit index"; }
};

class RepeatKvForwardTest : public wb::ImplementationTest<wb::RepeatKvForward> {
 protected:
  void expect_copies(const Sizes& sizes, HeadsLayout layout = HeadsLayout::kTokenMajor,
                     std::size_t misalign_x = 0, std::size_t misalign_y = 0) {
    SCOPED_TRACE(std::string(wb::name_of(layout)) + ", " + sizes.text());
    const auto [b, t, h, k, d] = sizes;
    const std::vector<float> values = wb::random_normal(sizes.view().size(), 1);
    auto x = GuardedBuffer<float>::input(wb::to_storage(layout, sizes.view(), values, kGap), misalign_x);
    auto y = GuardedBuffer<float>::output(sizes.repeated(), misalign_y);
    run(wb::make_view<const float>(layout, x.data(), sizes.view()), y.data(), b, t, h, d, nullptr);
    // Copies: equal to the last bit.
    const std::vector<double> originals = wb::to_double(values);
    EXPECT_TRUE(wb::matches(y.download(), wb::repeat_kv_oracle(originals, sizes), {0, 0}, {{b, h, t, d}}))
        << wb::explain_repeat_kv(y.download(), originals, x.download(), sizes);
    EXPECT_TRUE(y.check("y"));
    EXPECT_TRUE(x.check("x"));
  }
};

TEST_P(RepeatKvForwardTest, CopiesEachHeadOnce) {
  expect_copies({1, 4, 3, 3, 8});
}

TEST_P(RepeatKvForwardTest, CopiesEachHeadTwice) {
  expect_copies({1, 4, 4, 2, 8});
}

TEST_P(RepeatKvForwardTest, CopiesEverySize) {
  for (const Sizes& sizes : test_sizes()) {
    expect_copies(sizes);
    if (HasFailure()) return;  // one size explains enough
  }
}

TEST_P(RepeatKvForwardTest, ReadsEveryLayout) {
  for (const HeadsLayout layout : wb::kHeadsLayouts) {
    expect_copies({3, 37, 6, 2, 20}, layout);
    if (HasFailure()) return;  // one layout explains enough
  }
}

// What does not start at a multiple of 16 bytes is legal, and must not be loaded 16 bytes at a time.
TEST_P(RepeatKvForwardTest, CopiesFromAnyAddress) {
  expect_copies({2, 5, 4, 2, 64}, HeadsLayout::kTokenMajor, 1, 0);
  expect_copies({2, 5, 4, 2, 64}, HeadsLayout::kTokenMajor, 0, 1);
}

TEST_P(RepeatKvForwardTest, CountsPastTwoToThe31) {
  if (const std::string why = FarHeads::lacking(implementation().name); !why.empty()) GTEST_SKIP() << why;
  const wb::FarOperand x(FarHeads::one(), wb::FarFill::kZeros), y(2 * FarHeads::one(), wb::FarFill::kZeros);
  const std::vector<float> last = wb::random_normal(FarHeads::kSeen, 1);
  FarHeads::store(x, FarHeads::one(), last);
  wb::run_far(wb::far_elements(), [&] {
    run(wb::make_view<const float>(HeadsLayout::kTokenMajor, x.data(), FarHeads::shape()), y.data(),
        FarHeads::kB, FarHeads::t(), FarHeads::kH, FarHeads::kD, nullptr);
  });
  EXPECT_TRUE(wb::far_matches(FarHeads::last_of(y, 2 * FarHeads::one()), wb::to_double(last), {0, 0}))
      << FarHeads::explain();
}

TEST_P(RepeatKvForwardTest, RejectsBadArguments) {
  wb::DeviceBuffer<float> buffer(wb::random_uniform(64, 1));
  float* const data = buffer.data();
  const auto repeat = [&](const float* x, int k, float* y, int b, int t, int h, int d) {
    run(wb::token_major_view(x, 2, k, 2), y, b, t, h, d, nullptr);
  };
  EXPECT_THROW_MESSAGE(repeat(nullptr, 2, data, 1, 2, 4, 2), wb::Error, "x.data = 0");
  EXPECT_THROW_MESSAGE(repeat(data, 2, nullptr, 1, 2, 4, 2), wb::Error, "y = 0");
  float* const askew = wb::misaligned(data);
  EXPECT_THROW_MESSAGE(repeat(askew, 2, data, 1, 2, 4, 2), wb::Error, "is_aligned(x.data)");
  EXPECT_THROW_MESSAGE(repeat(data, 2, askew, 1, 2, 4, 2), wb::Error, "is_aligned(y)");
  EXPECT_THROW_MESSAGE(repeat(data, 0, data, 1, 2, 4, 2), wb::Error, "x.heads = 0");
  EXPECT_THROW_MESSAGE(repeat(data, 3, data, 1, 2, 4, 2), wb::Error, "x.heads = 3");
  EXPECT_THROW_MESSAGE(repeat(data, 4, data, 1, 2, 2, 2), wb::Error, "x.heads = 4");
  EXPECT_THROW_MESSAGE(repeat(data, 2, data, 0, 2, 4, 2), wb::Error, "b = 0");
  EXPECT_THROW_MESSAGE(repeat(data, 2, data, 1, -1, 4, 2), wb::Error, "t = -1");
  EXPECT_THROW_MESSAGE(repeat(data, 2, data, 1, 2, 0, 2), wb::Error, "h = 0");
  EXPECT_THROW_MESSAGE(repeat(data, 2, data, 1, 2, 4, 0), wb::Error, "d = 0");
}

WB_TEST_IMPLEMENTATIONS(RepeatKvForwardTest, wb::RepeatKvForward);

class RepeatKvBackwardTest : public wb::ImplementationTest<wb::RepeatKvBackward> {
 protected:
  void expect_sums(const Sizes& sizes, HeadsLayout layout = HeadsLayout::kTokenMajor,
                   std::size_t misalign_dy = 0, std::size_t misalign_dx = 0) {
    SCOPED_TRACE(std::string(wb::name_of(layout)) + ", " + sizes.text());
    const auto [b, t, h, k, d] = sizes;
    const HeadsShape shape = sizes.view();
    const std::vector<float> values = wb::random_normal(sizes.repeated(), 1);
    auto dy = GuardedBuffer<float>::input(values, misalign_dy);
    // dx is overwritten. What lies between the heads of a fused layout stays, so that NaN marks the others.
    const std::vector<float> nan(shape.size(), std::numeric_limits<float>::quiet_NaN());
    auto dx = layout == HeadsLayout::kFused
                  ? GuardedBuffer<float>::inout(wb::to_storage(layout, shape, nan, kGap), misalign_dx)
                  : GuardedBuffer<float>::output(shape.size(), misalign_dx);
    run(dy.data(), wb::make_view(layout, dx.data(), shape), b, t, h, d, nullptr);
    const std::vector<float> storage = dx.download();
    const std::vector<float> sums = wb::from_storage(layout, shape, storage);
    const std::vector<double> upstream = wb::to_double(values);
    EXPECT_TRUE(
        wb::matches(sums, wb::repeat_kv_backward_oracle(upstream, sizes), {2e-6, 1e-6}, {{b, t, k, d}}))
        << wb::explain_repeat_kv_backward(sums, upstream, sizes);
    EXPECT_EQ(wb::changed_gaps(layout, shape, storage, kGap), 0u)
        << "the kernel wrote between the elements of the view";
    EXPECT_TRUE(dx.check("dx"));
    EXPECT_TRUE(dy.check("dy"));
  }
};

TEST_P(RepeatKvBackwardTest, SumsTwoHeads) {
  expect_sums({1, 4, 4, 2, 8});
}

TEST_P(RepeatKvBackwardTest, SumsEverySize) {
  for (const Sizes& sizes : test_sizes()) {
    expect_sums(sizes);
    if (HasFailure()) return;  // one size explains enough
  }
}

TEST_P(RepeatKvBackwardTest, WritesEveryLayout) {
  for (const HeadsLayout layout : wb::kHeadsLayouts) {
    expect_sums({3, 37, 6, 2, 20}, layout);
    if (HasFailure()) return;  // one layout explains enough
  }
}

TEST_P(RepeatKvBackwardTest, SumsFromAnyAddress) {
  expect_sums({2, 5, 4, 2, 64}, HeadsLayout::kTokenMajor, 1, 0);
  expect_sums({2, 5, 4, 2, 64}, HeadsLayout::kTokenMajor, 0, 1);
}

TEST_P(RepeatKvBackwardTest, CountsPastTwoToThe31) {
  if (const std::string why = FarHeads::lacking(implementation().name); !why.empty()) GTEST_SKIP() << why;
  const wb::FarOperand dy(2 * FarHeads::one(), wb::FarFill::kZeros), dx(FarHeads::one(), wb::FarFill::kZeros);
  const std::vector<float> last = wb::random_normal(FarHeads::kSeen, 1);
  FarHeads::store(dy, 2 * FarHeads::one(), last);  // the gradient of the other copy is 0
  wb::run_far(wb::far_elements(), [&] {
    run(dy.data(), wb::make_view(HeadsLayout::kTokenMajor, dx.data(), FarHeads::shape()), FarHeads::kB,
        FarHeads::t(), FarHeads::kH, FarHeads::kD, nullptr);
  });
  EXPECT_TRUE(wb::far_matches(FarHeads::last_of(dx, FarHeads::one()), wb::to_double(last), {0, 0}))
      << FarHeads::explain();
}

TEST_P(RepeatKvBackwardTest, RejectsBadArguments) {
  wb::DeviceBuffer<float> buffer(wb::random_uniform(64, 1));
  float* const data = buffer.data();
  const auto sum = [&](const float* dy, float* dx, int k, int b, int t, int h, int d) {
    run(dy, wb::token_major_view(dx, 2, k, 2), b, t, h, d, nullptr);
  };
  EXPECT_THROW_MESSAGE(sum(nullptr, data, 2, 1, 2, 4, 2), wb::Error, "dy = 0");
  EXPECT_THROW_MESSAGE(sum(data, nullptr, 2, 1, 2, 4, 2), wb::Error, "dx.data = 0");
  float* const askew = wb::misaligned(data);
  EXPECT_THROW_MESSAGE(sum(askew, data, 2, 1, 2, 4, 2), wb::Error, "is_aligned(dy)");
  EXPECT_THROW_MESSAGE(sum(data, askew, 2, 1, 2, 4, 2), wb::Error, "is_aligned(dx.data)");
  EXPECT_THROW_MESSAGE(sum(data, data, 0, 1, 2, 4, 2), wb::Error, "dx.heads = 0");
  EXPECT_THROW_MESSAGE(sum(data, data, 3, 1, 2, 4, 2), wb::Error, "dx.heads = 3");
  EXPECT_THROW_MESSAGE(sum(data, data, 2, -1, 2, 4, 2), wb::Error, "b = -1");
  EXPECT_THROW_MESSAGE(sum(data, data, 2, 1, 0, 4, 2), wb::Error, "t = 0");
  EXPECT_THROW_MESSAGE(sum(data, data, 2, 1, 2, -4, 2), wb::Error, "h = -4");
  EXPECT_THROW_MESSAGE(sum(data, data, 2, 1, 2, 4, 0), wb::Error, "d = 0");
}

WB_TEST_IMPLEMENTATIONS(RepeatKvBackwardTest, wb::RepeatKvBackward);

// f(x) = sum of the copies times fixed weights: the weights are its upstream gradient.
TEST(RepeatKvOracle, GradientMatchesCentralDifferences) {
  const Sizes sizes{2, 3, 6, 2, 4};
  const std::vector<double> x = wb::to_double(wb::random_normal(sizes.view().size(), 1));
  const std::vector<double> dy = wb::to_double(wb::random_normal(sizes.repeated(), 2));
  const auto f = [&](std::span<const double> at) {
    const std::vector<double> y = wb::repeat_kv_oracle(at, sizes);
    return std::inner_product(y.begin(), y.end(), dy.begin(), 0.0);
  };
  EXPECT_TRUE(wb::gradient_matches(f, x, wb::repeat_kv_backward_oracle(dy, sizes), {1e-9, 1e-7}));
}

}  // namespace
