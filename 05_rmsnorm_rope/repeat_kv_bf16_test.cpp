// Tests of repeat_kv and its gradient in bf16: copies are exact, sums are rounded once.
#include <limits>

#include "05_rmsnorm_rope/repeat_kv.h"
#include "05_rmsnorm_rope/testing/repeat_kv_oracle.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::bf16;
using wb::GuardedBuffer;
using wb::HeadsLayout;
using Sizes = wb::RepeatKvSizes;

const bf16 kGap = wb::from_float<bf16>(12345.0f);  // between the elements of a view

std::vector<Sizes> test_sizes() {
  std::vector<Sizes> all = {{3, 5, 6, 6, 16}, {3, 5, 6, 2, 16}, {2, 9, 32, 4, 64}, {5, 3, 15, 5, 7}};
  for (const int t : {1, 15, 16, 17, 33, 257}) all.push_back({2, t, 4, 2, 8});
  for (const int d : {1, 2, 4, 8, 12, 80, 96, 128, 264}) all.push_back({2, 3, 4, 2, d});
  return all;
}

class RepeatKvForwardBf16Test : public wb::ImplementationTest<wb::RepeatKvForwardBf16> {
 protected:
  void expect_copies(const Sizes& sizes, HeadsLayout layout = HeadsLayout::kTokenMajor,
                     std::size_t misalign_x = 0, std::size_t misalign_y = 0) {
    SCOPED_TRACE(std::string(wb::name_of(layout)) + ", " + sizes.text());
    const auto [b, t, h, k, d] = sizes;
    const std::vector<float> values = wb::rounded_to_bf16(wb::random_normal(sizes.view().size(), 1));
    auto x = GuardedBuffer<bf16>::input(wb::to_storage(layout, sizes.view(), wb::to_bf16(values), kGap),
                                        misalign_x);
    auto y = GuardedBuffer<bf16>::output(sizes.repeated(), misalign_y);
    run(wb::make_view<const bf16>(layout, x.data(), sizes.view()), y.data(), b, t, h, d, nullptr);
    EXPECT_TRUE(wb::matches(wb::to_float(y.download()), wb::repeat_kv_oracle(wb::to_double(values), sizes),
                            {0, 0}, {{b, h, t, d}}));
    EXPECT_TRUE(y.check("y"));
    EXPECT_TRUE(x.check("x"));
  }
};

TEST_P(RepeatKvForwardBf16Test, CopiesEverySize) {
  for (const Sizes& sizes : test_sizes()) expect_copies(sizes);
}

TEST_P(RepeatKvForwardBf16Test, ReadsEveryLayout) {
  for (const HeadsLayout layout : wb::kHeadsLayouts) expect_copies({3, 37, 6, 2, 24}, layout);
}

TEST_P(RepeatKvForwardBf16Test, CopiesFromAnyAddress) {
  expect_copies({2, 5, 4, 2, 64}, HeadsLayout::kTokenMajor, 1, 0);
  expect_copies({2, 5, 4, 2, 64}, HeadsLayout::kTokenMajor, 0, 4);
}

TEST_P(RepeatKvForwardBf16Test, RejectsBadArguments) {
  wb::DeviceBuffer<bf16> buffer(wb::to_bf16(wb::random_uniform(64, 1)));
  bf16* const data = buffer.data();
  bf16* const askew = wb::misaligned(data);
  const auto repeat = [&](const bf16* x, int k, bf16* y) {
    run(wb::token_major_view(x, 2, k, 2), y, 1, 2, 4, 2, nullptr);
  };
  EXPECT_THROW_MESSAGE(repeat(nullptr, 2, data), wb::Error, "x.data = 0");
  EXPECT_THROW_MESSAGE(repeat(data, 2, nullptr), wb::Error, "y = 0");
  EXPECT_THROW_MESSAGE(repeat(askew, 2, data), wb::Error, "is_aligned(x.data)");
  EXPECT_THROW_MESSAGE(repeat(data, 2, askew), wb::Error, "is_aligned(y)");
  EXPECT_THROW_MESSAGE(repeat(data, 3, data), wb::Error, "x.heads = 3");
}

WB_TEST_IMPLEMENTATIONS(RepeatKvForwardBf16Test, wb::RepeatKvForwardBf16);

class RepeatKvBackwardBf16Test : public wb::ImplementationTest<wb::RepeatKvBackwardBf16> {
 protected:
  void expect_sums(const Sizes& sizes, HeadsLayout layout = HeadsLayout::kTokenMajor,
                   std::size_t misalign_dy = 0, std::size_t misalign_dx = 0) {
    SCOPED_TRACE(std::string(wb::name_of(layout)) + ", " + sizes.text());
    const auto [b, t, h, k, d] = sizes;
    const std::vector<float> values = wb::rounded_to_bf16(wb::random_normal(sizes.repeated(), 1));
    auto dy = GuardedBuffer<bf16>::input(wb::to_bf16(values), misalign_dy);
    // dx holds NaN before the call: it is overwritten.
    const std::vector<bf16> nan(sizes.view().size(),
                                wb::from_float<bf16>(std::numeric_limits<float>::quiet_NaN()));
    auto dx = GuardedBuffer<bf16>::inout(wb::to_storage(layout, sizes.view(), nan, kGap), misalign_dx);
    run(dy.data(), wb::make_view(layout, dx.data(), sizes.view()), b, t, h, d, nullptr);
    const std::vector<bf16> storage = dx.download();
    EXPECT_TRUE(wb::matches(wb::to_float(wb::from_storage(layout, sizes.view(), storage)),
                            wb::repeat_kv_backward_oracle(wb::to_double(values), sizes),
                            {2e-6, wb::kBf16Rounding}, {{b, t, k, d}}));
    EXPECT_EQ(wb::changed_gaps(layout, sizes.view(), storage, kGap), 0u)
        << "the kernel wrote between the elements of the view";
    EXPECT_TRUE(dx.check("dx"));
    EXPECT_TRUE(dy.check("dy"));
  }
};

TEST_P(RepeatKvBackwardBf16Test, SumsEverySize) {
  for (const Sizes& sizes : test_sizes()) expect_sums(sizes);
}

TEST_P(RepeatKvBackwardBf16Test, WritesEveryLayout) {
  for (const HeadsLayout layout : wb::kHeadsLayouts) expect_sums({3, 37, 6, 2, 24}, layout);
}

TEST_P(RepeatKvBackwardBf16Test, SumsFromAnyAddress) {
  expect_sums({2, 5, 4, 2, 64}, HeadsLayout::kTokenMajor, 1, 0);
  expect_sums({2, 5, 4, 2, 64}, HeadsLayout::kTokenMajor, 0, 4);
}

// 1 and 32 numbers of 1/512: beside the 1, a bf16 sum would lose every one of them.
TEST_P(RepeatKvBackwardBf16Test, AddsInFp32) {
  constexpr int kH = 33;
  std::vector<float> values(kH, 1.0f / 512);
  values[0] = 1.0f;
  auto dy = GuardedBuffer<bf16>::input(wb::to_bf16(values));
  auto dx = GuardedBuffer<bf16>::output(1);
  run(dy.data(), wb::token_major_view(dx.data(), 1, 1, 1), 1, 1, kH, 1, nullptr);
  EXPECT_EQ(wb::to_float(dx.download()[0]), 1.0625f);
}

TEST_P(RepeatKvBackwardBf16Test, RejectsBadArguments) {
  wb::DeviceBuffer<bf16> buffer(wb::to_bf16(wb::random_uniform(64, 1)));
  bf16* const data = buffer.data();
  bf16* const askew = wb::misaligned(data);
  const auto sum = [&](const bf16* dy, bf16* dx, int k) {
    run(dy, wb::token_major_view(dx, 2, k, 2), 1, 2, 4, 2, nullptr);
  };
  EXPECT_THROW_MESSAGE(sum(data, nullptr, 2), wb::Error, "dx.data = 0");
  EXPECT_THROW_MESSAGE(sum(nullptr, data, 2), wb::Error, "dy = 0");
  EXPECT_THROW_MESSAGE(sum(askew, data, 2), wb::Error, "is_aligned(dy)");
  EXPECT_THROW_MESSAGE(sum(data, askew, 2), wb::Error, "is_aligned(dx.data)");
  EXPECT_THROW_MESSAGE(sum(data, data, 3), wb::Error, "dx.heads = 3");
}

WB_TEST_IMPLEMENTATIONS(RepeatKvBackwardBf16Test, wb::RepeatKvBackwardBf16);

}  // namespace
