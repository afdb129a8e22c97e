// The parts of sampling that need no model: choosing a token, and bytes that become text.
#include <cmath>
#include <numeric>

#include "07_tinyllama/sample/sampler.h"
#include "07_tinyllama/sample/text_stream.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

// Of probabilities 0.1, 0.4, 0.2, 0.3.
const std::vector<float> kLogits = {std::log(0.1f), std::log(0.4f), std::log(0.2f), std::log(0.3f)};

void expect_probabilities(const SamplerOptions& options, const std::vector<double>& expected) {
  const std::vector<double> got = next_token_probabilities(kLogits, options);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-6) << "token " << i;
}

TEST(SamplerTest, Probabilities) {
  expect_probabilities({}, {0.1, 0.4, 0.2, 0.3});
  expect_probabilities({.temperature = 0.0}, {0, 1, 0, 0});
  expect_probabilities({.temperature = 0.5}, {0.01 / 0.3, 0.16 / 0.3, 0.04 / 0.3, 0.09 / 0.3});
  expect_probabilities({.top_k = 2}, {0, 4.0 / 7, 0, 3.0 / 7});
  expect_probabilities({.top_k = 1}, {0, 1, 0, 0});
  expect_probabilities({.top_k = 9}, {0.1, 0.4, 0.2, 0.3});
  expect_probabilities({.top_p = 0.65}, {0, 4.0 / 7, 0, 3.0 / 7});
  expect_probabilities({.top_p = 0.75}, {0, 4.0 / 9, 2.0 / 9, 3.0 / 9});
  expect_probabilities({.top_p = 1e-9}, {0, 1, 0, 0});
  // top_p is of what top_k left: 0.4 and 0.3 of 0.7.
  expect_probabilities({.top_k = 2, .top_p = 0.5}, {0, 1, 0, 0});
}

TEST(SamplerTest, TiesGoToTheLowerToken) {
  const std::vector<float> logits = {1.0f, 3.0f, 3.0f, 3.0f};
  EXPECT_EQ(Sampler({.temperature = 0.0}).next(logits), 1);
  const auto two = next_token_probabilities(logits, {.top_k = 2});
  EXPECT_EQ(two, (std::vector<double>{0.0, 0.5, 0.5, 0.0}));
}

TEST(SamplerTest, FrequenciesAreTheProbabilities) {
  Sampler sampler({.seed = 7});
  std::vector<int> count(4);
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) ++count[static_cast<std::size_t>(sampler.next(kLogits))];
  const double expected[] = {0.1, 0.4, 0.2, 0.3};
  for (std::size_t i = 0; i < 4; ++i) {
    // Five standard deviations.
    const double spread = 5 * std::sqrt(kDraws * expected[i] * (1 - expected[i]));
    EXPECT_NEAR(count[i], kDraws * expected[i], spread) << "token " << i;
  }
}

TEST(SamplerTest, SameSeedSameTokens) {
  const auto draw = [](std::uint64_t seed) {
    Sampler sampler({.seed = seed});
    std::vector<int> tokens(50);
    for (int& token : tokens) token = sampler.next(kLogits);
    return tokens;
  };
  EXPECT_EQ(draw(3), draw(3));
  EXPECT_NE(draw(3), draw(4));
}

TEST(SamplerTest, RefusesWhatIsNoNumber) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    EXPECT_THROW_MESSAGE(next_token_probabilities(std::vector<float>{1.0f, bad}, {}), Error,
                         "the logit of token 1 is");
  }
  EXPECT_THROW(Sampler({.temperature = -1.0}), Error);
  EXPECT_THROW(Sampler({.temperature = NAN}), Error);
  EXPECT_THROW(Sampler({.top_k = -1}), Error);
  EXPECT_THROW(Sampler({.top_p = 0.0}), Error);
  EXPECT_THROW(Sampler({.top_p = 1.5}), Error);
}

TEST(TextStreamTest, ValidUtf8) {
  EXPECT_EQ(valid_utf8("plain"), "plain");
  EXPECT_EQ(valid_utf8("\u00e4\u20ac\U0001F600"), "\u00e4\u20ac\U0001F600");
  EXPECT_EQ(valid_utf8("a\xFF"
                       "b"),
            "a\uFFFDb");
  EXPECT_EQ(valid_utf8("\xC3"), "\uFFFD");                      // cut short
  EXPECT_EQ(valid_utf8("\xC0\x80"), "\uFFFD\uFFFD");            // a long form of 0
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(valid_utf8("\x80x"), "\uFFFDx");
}

TEST(TextStreamTest, HoldsBackIncompleteCharacters) {
  TextStream stream;
  const std::string euro = "\u20ac";
  EXPECT_EQ(stream.push('a'), "a");
  EXPECT_EQ(stream.push(static_cast<unsigned char>(euro[0])), "");
  EXPECT_EQ(stream.push(static_cast<unsigned char>(euro[1])), "");
  EXPECT_EQ(stream.push(static_cast<unsigned char>(euro[2])), euro);
  EXPECT_EQ(stream.push(0xF0), "");
  EXPECT_EQ(stream.push('b'), "\uFFFDb");
  EXPECT_EQ(stream.push(0xE2), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
}

// Whatever the bytes, what is shown is that of all bytes at once, and each part of it is whole.
TEST(TextStreamTest, PartsAddUp) {
  Rng rng(5);
  for (int round = 0; round < 200; ++round) {
    std::string bytes, shown;
    TextStream stream;
    for (int i = 0; i < 60; ++i) {
      // Mostly the bytes of which characters are made.
      const unsigned char choices[] = {0xC3, 0xA4, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x98, 0x80, 'x'};
      const auto byte =
          rng.below(4) == 0 ? static_cast<unsigned char>(rng.below(256)) : choices[rng.below(10)];
      bytes += static_cast<char>(byte);
      const std::string part = stream.push(byte);
      EXPECT_EQ(valid_utf8(part), part);
      shown += part;
    }
    shown += stream.finish();
    EXPECT_EQ(shown, valid_utf8(bytes));
  }
}

TEST(TextStreamTest, StopsBeforeTheStopText) {
  const auto all = [](const std::string& stop, const std::string& text) {
    TextStream stream(stop);
    std::string shown;
    for (const char byte : text) shown += stream.push(static_cast<unsigned char>(byte));
    return shown + stream.finish() + (stream.stopped() ? "|" : "");
  };
  EXPECT_EQ(all("END", "one END two"), "one |");
  EXPECT_EQ(all("END", "one EN two E"), "one EN two E");
  EXPECT_EQ(all("aab", "aaab"), "a|");
  EXPECT_EQ(all("\n\n", "a\nb\n\nc"), "a\nb|");
  EXPECT_EQ(all("x", "x"), "|");
  EXPECT_EQ(all("\u20ac", "5 \u20ac"), "5 |");
  EXPECT_EQ(all("", "all"), "all");
}

}  // namespace
}  // namespace wb
