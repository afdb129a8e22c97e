// Embedding against a plain loop; its gradient against one in double, with tokens that repeat.
#include "07_tinyllama/embedding.h"

#include <numeric>
#include <vector>

#include "common/harness/implementation_test.h"

namespace wb {
namespace {

struct Sizes {
  int n, c, v;
  std::size_t out() const { return area(n, c); }
  std::size_t weight() const { return area(v, c); }
};

// Few tokens for many places, so that gradients add up; one column, and columns past one block.
const std::vector<Sizes> kSizes = {{1, 1, 1},   {33, 31, 7},    {100, 64, 1000}, {257, 129, 3},
                                   {64, 1, 50}, {40, 1025, 11}, {70, 260, 9}};

std::vector<int> random_tokens(const Sizes& s, std::uint64_t seed) {
  std::vector<int> tokens = random_below(static_cast<std::size_t>(s.n), seed, s.v);
  tokens.back() = s.v - 1;
  return tokens;
}

// Calls visit(place in (N, C), place in (V, C)) for every element of the output.
template <class Visit>
void for_each_element(const Sizes& s, const std::vector<int>& tokens, Visit&& visit) {
  const auto c = static_cast<std::size_t>(s.c);
  for (std::size_t i = 0; i < s.out(); ++i) visit(i, static_cast<std::size_t>(tokens[i / c]) * c + i % c);
}

class EmbeddingForwardTest : public ImplementationTest<EmbeddingForward> {};

TEST_P(EmbeddingForwardTest, CopiesRows) {
  for (const Sizes& s : kSizes) {
    SCOPED_TRACE(testing::Message() << "N " << s.n << ", C " << s.c << ", V " << s.v);
    const auto tokens = random_tokens(s, 1);
    const auto weight = random_normal(s.weight(), 2);
    auto device_tokens = GuardedBuffer<int>::input(tokens);
    auto device_weight = GuardedBuffer<float>::input(weight);
    auto out = GuardedBuffer<float>::output(s.out());
    run(device_tokens.data(), device_weight.data(), out.data(), s.n, s.c, nullptr);
    std::vector<double> expected(s.out());
    for_each_element(s, tokens,
                     [&](std::size_t i, std::size_t w) { expected[i] = static_cast<double>(weight[w]); });
    EXPECT_TRUE(matches(out.download(), expected, {0.0, 0.0}, {{s.n, s.c}}));
    EXPECT_TRUE(device_tokens.check("tokens"));
    EXPECT_TRUE(device_weight.check("weight"));
    EXPECT_TRUE(out.check("out"));
  }
}

TEST_P(EmbeddingForwardTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  DeviceBuffer<int> tokens(16);
  EXPECT_THROW_MESSAGE(run(tokens.data(), data.data(), data.data(), 0, 1, nullptr), Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(tokens.data(), data.data(), data.data(), 1, 0, nullptr), Error, "c = 0");
  expect_bad_pointers_named({"tokens", "weight", "out"}, tokens.data(), data.data(), data.data(), 1, 1,
                            nullptr);
}

class EmbeddingBackwardTest : public ImplementationTest<EmbeddingBackward> {};

TEST_P(EmbeddingBackwardTest, AddsTheRowsOfEachToken) {
  for (const Sizes& s : kSizes) {
    SCOPED_TRACE(testing::Message() << "N " << s.n << ", C " << s.c << ", V " << s.v);
    const auto tokens = random_tokens(s, 1);
    const auto dout = random_normal(s.out(), 2);
    const auto before = random_normal(s.weight(), 3);
    auto device_tokens = GuardedBuffer<int>::input(tokens);
    auto device_dout = GuardedBuffer<float>::input(dout);
    auto dweight = GuardedBuffer<float>::inout(before);
    run(device_tokens.data(), device_dout.data(), dweight.data(), s.n, s.c, nullptr);
    std::vector<double> expected = to_double(before);
    for_each_element(s, tokens,
                     [&](std::size_t i, std::size_t w) { expected[w] += static_cast<double>(dout[i]); });
    EXPECT_TRUE(matches(dweight.download(), expected, {2e-5, 1e-6}, {{s.v, s.c}, 0, before}));
    EXPECT_TRUE(device_tokens.check("tokens"));
    EXPECT_TRUE(device_dout.check("dout"));
    EXPECT_TRUE(dweight.check("dweight"));
  }
}

// The same bits every time, although all rows go to one token.
TEST_P(EmbeddingBackwardTest, IsDeterministic) {
  const Sizes s = {300, 65, 1};
  auto tokens = GuardedBuffer<int>::input(std::vector<int>(static_cast<std::size_t>(s.n), 0));
  auto dout = GuardedBuffer<float>::input(random_normal(s.out(), 4));
  std::vector<float> first;
  for (int repeat = 0; repeat < 4; ++repeat) {
    auto dweight = GuardedBuffer<float>::inout(std::vector<float>(s.weight(), 0.125f));
    run(tokens.data(), dout.data(), dweight.data(), s.n, s.c, nullptr);
    if (repeat == 0) first = dweight.download();
    EXPECT_EQ(dweight.download(), first);
  }
}

TEST_P(EmbeddingBackwardTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  DeviceBuffer<int> tokens(16);
  EXPECT_THROW_MESSAGE(run(tokens.data(), data.data(), data.data(), 0, 1, nullptr), Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(tokens.data(), data.data(), data.data(), 1, -3, nullptr), Error, "c = -3");
  expect_bad_pointers_named({"tokens", "dout", "dweight"}, tokens.data(), data.data(), data.data(), 1, 1,
                            nullptr);
}

// What backward adds up is the gradient of what forward copies.
TEST(EmbeddingOracle, GradientIsThatOfTheForwardPass) {
  const Sizes s = {6, 3, 4};
  const auto tokens = random_tokens(s, 1);
  const auto dout = to_double(random_normal(s.out(), 2));
  std::vector<double> gradient(s.weight());
  for_each_element(s, tokens, [&](std::size_t i, std::size_t w) { gradient[w] += dout[i]; });
  const auto f = [&](std::span<const double> weight) {
    double sum = 0.0;
    for_each_element(s, tokens, [&](std::size_t i, std::size_t w) { sum += dout[i] * weight[w]; });
    return sum;
  };
  EXPECT_TRUE(gradient_matches(f, to_double(random_normal(s.weight(), 3)), gradient, {1e-9, 1e-6}));
}

WB_TEST_IMPLEMENTATIONS(EmbeddingForwardTest, EmbeddingForward);
WB_TEST_IMPLEMENTATIONS(EmbeddingBackwardTest, EmbeddingBackward);

}  // namespace
}  // namespace wb
