// Embedding in bf16: rows copied bit for bit, and a table gradient summed in fp32.
#include <vector>

#include "07_tinyllama/embedding.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

struct Sizes {
  int n, c, v;
  std::size_t out() const { return area(n, c); }
  std::size_t weight() const { return area(v, c); }
};

// Few tokens for many places; rows of whole packs of eight, of four, and of neither.
const std::vector<Sizes> kSizes = {{1, 1, 1}, {33, 31, 7}, {100, 64, 1000}, {257, 132, 3}, {40, 1025, 11}};

std::vector<int> random_tokens(const Sizes& s) {
  return random_below(static_cast<std::size_t>(s.n), 1, s.v);
}

// Where element i of (N, C) lies in the table (V, C).
std::size_t place_in_table(const Sizes& s, const std::vector<int>& tokens, std::size_t i) {
  const auto c = static_cast<std::size_t>(s.c);
  return static_cast<std::size_t>(tokens[i / c]) * c + i % c;
}

class EmbeddingForwardBf16Test : public ImplementationTest<EmbeddingForwardBf16> {};

TEST_P(EmbeddingForwardBf16Test, CopiesRows) {
  for (const std::size_t misalign : {0, 1}) {
    for (const Sizes& s : kSizes) {
      SCOPED_TRACE(testing::Message() << "N " << s.n << ", C " << s.c << ", V " << s.v);
      const auto tokens = random_tokens(s);
      const auto weight = to_bf16(random_normal(s.weight(), 2));
      auto device_tokens = GuardedBuffer<int>::input(tokens);
      auto device_weight = GuardedBuffer<bf16>::input(weight, misalign);
      auto out = GuardedBuffer<bf16>::output(s.out(), misalign);
      run(device_tokens.data(), device_weight.data(), out.data(), s.n, s.c, nullptr);
      std::vector<double> expected(s.out());
      for (std::size_t i = 0; i < s.out(); ++i) {
        expected[i] = static_cast<double>(to_float(weight[place_in_table(s, tokens, i)]));
      }
      EXPECT_TRUE(matches(to_float(out.download()), expected, {0.0, 0.0}, {{s.n, s.c}}));
      EXPECT_TRUE(device_weight.check("weight"));
      EXPECT_TRUE(out.check("out"));
    }
  }
}

TEST_P(EmbeddingForwardBf16Test, RefusesWhatTheContractForbids) {
  DeviceBuffer<bf16> data(16);
  DeviceBuffer<int> tokens(16);
  EXPECT_THROW_MESSAGE(run(tokens.data(), data.data(), data.data(), 0, 1, nullptr), Error, "n = 0");
  expect_bad_pointers_named({"tokens", "weight", "out"}, tokens.data(), data.data(), data.data(), 1, 1,
                            nullptr);
}

class EmbeddingBackwardBf16Test : public ImplementationTest<EmbeddingBackwardBf16> {};

TEST_P(EmbeddingBackwardBf16Test, AddsTheRowsOfEachToken) {
  for (const std::size_t misalign : {0, 1}) {
    for (const Sizes& s : kSizes) {
      SCOPED_TRACE(testing::Message() << "N " << s.n << ", C " << s.c << ", V " << s.v);
      const auto tokens = random_tokens(s);
      const auto dout = to_bf16(random_normal(s.out(), 2));
      const auto before = random_normal(s.weight(), 3);
      auto device_tokens = GuardedBuffer<int>::input(tokens);
      auto device_dout = GuardedBuffer<bf16>::input(dout, misalign);
      auto dweight = GuardedBuffer<float>::inout(before, misalign);
      run(device_tokens.data(), device_dout.data(), dweight.data(), s.n, s.c, nullptr);
      std::vector<double> expected = to_double(before);
      for (std::size_t i = 0; i < s.out(); ++i) {
        expected[place_in_table(s, tokens, i)] += static_cast<double>(to_float(dout[i]));
      }
      // As exact as the fp32 sum: 86 rows added in bf16 would be off by a percent.
      EXPECT_TRUE(matches(dweight.download(), expected, {2e-5, 1e-6}, {{s.v, s.c}, 0, before}));
      EXPECT_TRUE(device_dout.check("dout"));
      EXPECT_TRUE(dweight.check("dweight"));
    }
  }
}

TEST_P(EmbeddingBackwardBf16Test, RefusesWhatTheContractForbids) {
  DeviceBuffer<bf16> dout(16);
  DeviceBuffer<float> dweight(16);
  DeviceBuffer<int> tokens(16);
  EXPECT_THROW_MESSAGE(run(tokens.data(), dout.data(), dweight.data(), 1, -3, nullptr), Error, "c = -3");
  expect_bad_pointers_named({"tokens", "dout", "dweight"}, tokens.data(), dout.data(), dweight.data(), 1, 1,
                            nullptr);
}

WB_TEST_IMPLEMENTATIONS(EmbeddingForwardBf16Test, EmbeddingForwardBf16);
WB_TEST_IMPLEMENTATIONS(EmbeddingBackwardBf16Test, EmbeddingBackwardBf16);

}  // namespace
}  // namespace wb
