// AdamW for a bf16 model: fp32 state that is AdamW's, bit for bit, and its parameters rounded to bf16.
#include <bit>
#include <vector>

#include "07_tinyllama/adamw.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

class AdamWBf16Test : public ImplementationTest<AdamWBf16> {
 protected:
  // Three steps with and without the copy.
  void expect_adamw(std::size_t n, std::size_t misalign = 0) {
    SCOPED_TRACE(testing::Message() << "n " << n << ", misaligned by " << misalign);
    const AdamWConfig config = {.learning_rate = 1e-2f, .weight_decay = 0.1f};
    const std::vector<float> zeros(n, 0.0f);
    auto p = GuardedBuffer<float>::inout(random_normal(n, 1), misalign);
    auto m = GuardedBuffer<float>::inout(zeros, misalign), v = GuardedBuffer<float>::inout(zeros, misalign);
    auto copy = GuardedBuffer<bf16>::output(n, misalign);
    DeviceBuffer<float> plain_p(random_normal(n, 1)), plain_m(zeros), plain_v(zeros);
    for (int step = 1; step <= 3; ++step) {
      auto g = GuardedBuffer<float>::input(random_normal(n, 10 + static_cast<std::uint64_t>(step)), misalign);
      const auto count = static_cast<std::int64_t>(n);
      run(p.data(), g.data(), m.data(), v.data(), copy.data(), count, config, step, nullptr);
      find_implementation<AdamW>("solution")
          .function(plain_p.data(), g.data(), plain_m.data(), plain_v.data(), count, config, step, nullptr);
    }
    EXPECT_EQ(p.download(), plain_p.download()) << "the master copy must not lose a bit";
    EXPECT_EQ(m.download(), plain_m.download());
    EXPECT_EQ(v.download(), plain_v.download());
    EXPECT_EQ(to_float(copy.download()), rounded_to_bf16(p.download()));
    for (const auto* buffer : {&p, &m, &v}) EXPECT_TRUE(buffer->check("fp32 state"));
    EXPECT_TRUE(copy.check("copy"));
  }
};

TEST_P(AdamWBf16Test, IsAdamWAndRounds) {
  for (const std::size_t n : {1, 3, 4, 31, 1000, 1023, 1025}) expect_adamw(n);
}

TEST_P(AdamWBf16Test, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) expect_adamw(1000, misalign);
}

// Why there is a master copy: steps far below the distance of two bf16 numbers add up in fp32.
TEST_P(AdamWBf16Test, AddsUpStepsThatBf16CannotSee) {
  auto p = GuardedBuffer<float>::inout({1.0f}), m = GuardedBuffer<float>::inout({0.0f});
  auto v = GuardedBuffer<float>::inout({0.0f});
  auto copy = GuardedBuffer<bf16>::output(1);
  const AdamWConfig config = {.learning_rate = 1e-4f, .weight_decay = 0.0f};
  for (int step = 1; step <= 100; ++step) {
    auto g = GuardedBuffer<float>::input({-1.0f});
    run(p.data(), g.data(), m.data(), v.data(), copy.data(), 1, config, step, nullptr);
  }
  EXPECT_TRUE(matches(to_float(copy.download()), std::vector<double>{1.01}, {0.0, kBf16Rounding}));
  EXPECT_NE(to_float(copy.download()).front(), 1.0f) << "100 steps of 1e-4 went nowhere";
}

TEST_P(AdamWBf16Test, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  DeviceBuffer<bf16> copy(16);
  float* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, p, p, p, copy.data(), -1, AdamWConfig{}, 1, nullptr), Error, "n = -1");
  expect_bad_pointers_named({"parameters", "gradients", "m", "v", "copy"}, p, p, p, p, copy.data(), 1,
                            AdamWConfig{}, 1, nullptr);
  EXPECT_NO_THROW(run(nullptr, nullptr, nullptr, nullptr, nullptr, 0, AdamWConfig{}, 1, nullptr));
}

WB_TEST_IMPLEMENTATIONS(AdamWBf16Test, AdamWBf16);

}  // namespace
}  // namespace wb
