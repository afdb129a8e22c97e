// Cross entropy and its gradient in place, against the oracle in double on the same rounded logits.
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "07_tinyllama/testing/cross_entropy_oracle.h"
#include "07_tinyllama/token_loss.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

class TokenLossTest : public ImplementationTest<TokenLossBf16> {
 protected:
  void expect_oracle(const std::vector<float>& wanted, int n, int v, std::size_t misalign = 0) {
    SCOPED_TRACE(testing::Message() << "N " << n << ", V " << v << ", misaligned by " << misalign);
    const auto logits = to_bf16(wanted);
    const auto targets = random_below(static_cast<std::size_t>(n), 2, v);
    const float dloss = 1.0f / static_cast<float>(n);
    auto device_logits = GuardedBuffer<bf16>::inout(logits, misalign);
    auto device_targets = GuardedBuffer<int>::input(targets);
    auto losses = GuardedBuffer<float>::output(targets.size());
    run(device_logits.data(), device_targets.data(), losses.data(), dloss, n, v, nullptr);
    const auto exact = to_double(to_float(logits));
    const auto expected = cross_entropy_oracle(exact, targets);
    EXPECT_TRUE(matches(losses.download(), expected.losses, {4e-6, 1e-6}));
    const auto gradient =
        cross_entropy_backward_oracle(exact, targets, expected.lse, static_cast<double>(dloss));
    EXPECT_TRUE(
        matches(to_float(device_logits.download()), gradient, {1e-7, 1.02 * kBf16Rounding}, {{n, v}}));
    EXPECT_TRUE(device_logits.check("logits"));
    EXPECT_TRUE(device_targets.check("targets"));
    EXPECT_TRUE(losses.check("losses"));
  }
};

// Rows of whole packs of eight and not, of each shape that a rung has, and longer than a block holds.
const std::vector<std::pair<int, int>> kSizes = {{1, 1},     {3, 31},    {9, 32},    {17, 33},   {8, 1000},
                                                 {65, 257},  {2, 4104},  {3, 8200},  {2, 16384}, {2, 16392},
                                                 {2, 20001}, {2, 32000}, {2, 32768}, {2, 32776}, {1, 70000}};

TEST_P(TokenLossTest, AgreesWithTheOracle) {
  for (const auto& [n, v] : kSizes) expect_oracle(random_normal(area(n, v), 1, 0.0f, 3.0f), n, v);
  for (const int v : {264, 32000}) expect_oracle(random_normal(area(3, v), 1, 0.0f, 3.0f), 3, v, 1);
}

// exp of such a logit overflows where the maximum is not subtracted.
TEST_P(TokenLossTest, SurvivesLargeLogits) {
  for (const float offset : {1000.0f, -1000.0f}) {
    auto logits = random_normal(area(3, 1000), 1, 0.0f, 30.0f);
    for (float& logit : logits) logit += offset;
    expect_oracle(logits, 3, 1000);
  }
}

TEST_P(TokenLossTest, KeepsNanInItsRow) {
  for (const int v : {1000, 1001, 32000}) {
    std::vector<float> logits = random_normal(area(3, v), 1);
    logits[static_cast<std::size_t>(v) + 7] = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t j = 0; j < static_cast<std::size_t>(v); ++j) {
      logits[2 * static_cast<std::size_t>(v) + j] = -std::numeric_limits<float>::infinity();
    }
    auto device_logits = GuardedBuffer<bf16>::inout(to_bf16(logits));
    auto targets = GuardedBuffer<int>::input({1, 2, 3});
    auto losses = GuardedBuffer<float>::output(3);
    run(device_logits.data(), targets.data(), losses.data(), 1.0f, 3, v, nullptr);
    const auto got = losses.download();
    EXPECT_TRUE(std::isfinite(got[0])) << got[0];
    EXPECT_TRUE(std::isnan(got[1])) << got[1];
    EXPECT_TRUE(std::isnan(got[2])) << "a row of only -inf: " << got[2];
  }
}

TEST_P(TokenLossTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<bf16> logits(16);
  DeviceBuffer<int> targets(16);
  DeviceBuffer<float> losses(16);
  EXPECT_THROW_MESSAGE(run(logits.data(), targets.data(), losses.data(), 1.0f, 0, 1, nullptr), Error,
                       "n = 0");
  EXPECT_THROW_MESSAGE(run(logits.data(), targets.data(), losses.data(), 1.0f, 1, -2, nullptr), Error,
                       "v = -2");
  expect_bad_pointers_named({"logits", "targets", "losses"}, logits.data(), targets.data(), losses.data(),
                            1.0f, 1, 1, nullptr);
}

WB_TEST_IMPLEMENTATIONS(TokenLossTest, TokenLossBf16);

}  // namespace
}  // namespace wb
