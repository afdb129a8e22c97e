// Cross entropy of bf16 logits, against the oracle in double on the same rounded logits.
#include <utility>
#include <vector>

#include "07_tinyllama/cross_entropy.h"
#include "07_tinyllama/testing/cross_entropy_oracle.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

// Rows of whole packs of eight and not, and rows longer than a block takes at once.
const std::vector<std::pair<int, int>> kSizes = {{1, 1},    {3, 31},   {9, 32},    {17, 33},
                                                 {8, 1000}, {65, 257}, {2, 20008}, {2, 20001}};

std::vector<bf16> random_logits(int n, int v) {
  return to_bf16(random_normal(area(n, v), 1, 0.0f, 3.0f));
}

std::vector<int> random_targets(int n, int v) {
  return random_below(static_cast<std::size_t>(n), 2, v);
}

class CrossEntropyForwardBf16Test : public ImplementationTest<CrossEntropyForwardBf16> {};

// Losses are sums in fp32: as exact as those of fp32 logits.
TEST_P(CrossEntropyForwardBf16Test, AgreesWithTheOracle) {
  for (const std::size_t misalign : {0, 1}) {
    for (const auto& [n, v] : kSizes) {
      SCOPED_TRACE(testing::Message() << "N " << n << ", V " << v << ", misaligned by " << misalign);
      const auto logits = random_logits(n, v);
      const auto targets = random_targets(n, v);
      auto device_logits = GuardedBuffer<bf16>::input(logits, misalign);
      auto device_targets = GuardedBuffer<int>::input(targets);
      auto losses = GuardedBuffer<float>::output(targets.size());
      auto lse = GuardedBuffer<float>::output(targets.size());
      run(device_logits.data(), device_targets.data(), losses.data(), lse.data(), n, v, nullptr);
      const auto expected = cross_entropy_oracle(to_double(to_float(logits)), targets);
      EXPECT_TRUE(matches(lse.download(), expected.lse, {4e-6, 1e-6}));
      EXPECT_TRUE(matches(losses.download(), expected.losses, {4e-6, 1e-6}));
      EXPECT_TRUE(device_logits.check("logits"));
      EXPECT_TRUE(losses.check("losses"));
      EXPECT_TRUE(lse.check("lse"));
    }
  }
}

TEST_P(CrossEntropyForwardBf16Test, RefusesWhatTheContractForbids) {
  DeviceBuffer<bf16> logits(16);
  DeviceBuffer<int> targets(16);
  DeviceBuffer<float> out(16);
  float* p = out.data();
  EXPECT_THROW_MESSAGE(run(logits.data(), targets.data(), p, p, 0, 1, nullptr), Error, "n = 0");
  expect_bad_pointers_named({"logits", "targets", "losses", "lse"}, logits.data(), targets.data(), p, p, 1, 1,
                            nullptr);
}

class CrossEntropyBackwardBf16Test : public ImplementationTest<CrossEntropyBackwardBf16> {
 protected:
  void expect_oracle(int n, int v, bool in_place, std::size_t misalign = 0) {
    SCOPED_TRACE(testing::Message() << "N " << n << ", V " << v << (in_place ? ", in place" : ""));
    const auto logits = random_logits(n, v);
    const auto targets = random_targets(n, v);
    const auto exact = to_double(to_float(logits));
    const auto exact_lse = cross_entropy_oracle(exact, targets).lse;
    const std::vector<float> lse(exact_lse.begin(), exact_lse.end());
    const float dloss = 1.0f / static_cast<float>(n);
    auto device_logits = in_place ? GuardedBuffer<bf16>::inout(logits, misalign)
                                  : GuardedBuffer<bf16>::input(logits, misalign);
    auto device_targets = GuardedBuffer<int>::input(targets);
    auto device_lse = GuardedBuffer<float>::input(lse);
    auto apart = GuardedBuffer<bf16>::output(logits.size(), misalign);
    auto& dlogits = in_place ? device_logits : apart;
    run(device_logits.data(), device_targets.data(), device_lse.data(), dlogits.data(), dloss, n, v, nullptr);
    const auto expected =
        cross_entropy_backward_oracle(exact, targets, to_double(lse), static_cast<double>(dloss));
    EXPECT_TRUE(matches(to_float(dlogits.download()), expected, {1e-7, 1.01 * kBf16Rounding}, {{n, v}}));
    EXPECT_TRUE(device_logits.check("logits"));
    EXPECT_TRUE(dlogits.check("dlogits"));
  }
};

TEST_P(CrossEntropyBackwardBf16Test, AgreesWithTheOracle) {
  for (const auto& [n, v] : kSizes) expect_oracle(n, v, false);
  expect_oracle(3, 264, false, 1);
}

TEST_P(CrossEntropyBackwardBf16Test, MayOverwriteTheLogits) {
  expect_oracle(33, 1000, true);
  expect_oracle(2, 4099, true);
}

TEST_P(CrossEntropyBackwardBf16Test, RefusesWhatTheContractForbids) {
  DeviceBuffer<bf16> logits(16);
  DeviceBuffer<int> targets(16);
  DeviceBuffer<float> lse(16);
  bf16* p = logits.data();
  EXPECT_THROW_MESSAGE(run(p, targets.data(), lse.data(), p, 1.0f, 1, -2, nullptr), Error, "v = -2");
  expect_bad_pointers_named({"logits", "targets", "lse", "dlogits"}, p, targets.data(), lse.data(), p, 1.0f,
                            1, 1, nullptr);
}

WB_TEST_IMPLEMENTATIONS(CrossEntropyForwardBf16Test, CrossEntropyForwardBf16);
WB_TEST_IMPLEMENTATIONS(CrossEntropyBackwardBf16Test, CrossEntropyBackwardBf16);

}  // namespace
}  // namespace wb
