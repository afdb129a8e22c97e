// Decoding with a cache against the trainer's full forward pass, position by position.
#include "07_tinyllama/sample/decoder.h"

#include <cmath>

#include "07_tinyllama/trainer/model.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

// Weights large enough for attention to prefer some tokens, and for logits that differ.
void fill(Arena& parameters) {
  std::uint64_t seed = 1;
  for (const TensorEntry& entry : parameters.table().entries()) {
    const bool norm = entry.shape.size() == 1;
    parameters.upload(entry.name, random_normal(static_cast<std::size_t>(entry.elements()), ++seed,
                                                norm ? 1.0f : 0.0f, norm ? 0.1f : 0.25f));
  }
}

// (B * T, V) logits of the forward pass that training takes.
std::vector<float> full_forward(const ModelConfig& config, const std::vector<int>& tokens) {
  Model model(config, select_kernels("auto"));
  fill(model.parameters());
  const DeviceBuffer<int> device_tokens(tokens);
  DeviceBuffer<float> loss(1);
  model.forward(device_tokens.data(), device_tokens.data(), loss.data());
  return model.activations().download("logits");
}

// |a - b| / |b| of row i of (n, V) logits.
double row_error(const std::vector<float>& a, const std::vector<float>& b, std::size_t i, int v) {
  double difference = 0.0, size = 0.0;
  for (std::size_t c = i * static_cast<std::size_t>(v); c < (i + 1) * static_cast<std::size_t>(v); ++c) {
    difference += std::pow(static_cast<double>(a[c]) - static_cast<double>(b[c]), 2);
    size += std::pow(static_cast<double>(b[c]), 2);
  }
  return std::sqrt(difference / size);
}

const std::vector<ModelConfig> kConfigs = {
    {.c = 32, .l = 2, .h = 4, .k = 2, .f = 64, .v = 70, .b = 1, .t = 40},
    {.c = 48, .l = 3, .h = 4, .k = 4, .f = 80, .v = 50, .b = 1, .t = 33, .rope_base = 500.0},
    {.c = 80, .l = 1, .h = 2, .k = 1, .f = 33, .v = 257, .b = 1, .t = 150, .epsilon = 1e-3f},
    {.c = 20, .l = 2, .h = 10, .k = 5, .f = 30, .v = 31, .b = 1, .t = 9},
};

class DecoderTest : public testing::TestWithParam<ModelConfig> {
 protected:
  void SetUp() override {
    config_ = GetParam();
    tokens_ = random_below(static_cast<std::size_t>(config_.t), 3, config_.v);
    expected_ = full_forward(config_, tokens_);
  }
  void expect_rows(const std::vector<float>& got, std::size_t first, double tolerance = 1e-5) const {
    const std::size_t rows = got.size() / static_cast<std::size_t>(config_.v);
    for (std::size_t i = 0; i < rows; ++i) {
      const std::vector<float> expected(
          expected_.begin() + static_cast<std::ptrdiff_t>((first + i) * static_cast<std::size_t>(config_.v)),
          expected_.end());
      const std::vector<float> row(got.begin() + static_cast<std::ptrdiff_t>(i) * config_.v,
                                   got.begin() + static_cast<std::ptrdiff_t>(i + 1) * config_.v);
      const double error = row_error(row, expected, 0, config_.v);
      EXPECT_TRUE(error <= tolerance) << "position " << first + i << ": relative error " << error;
    }
  }

  ModelConfig config_;
  std::vector<int> tokens_;
  std::vector<float> expected_;
};

TEST_P(DecoderTest, EveryPositionOneByOne) {
  Decoder decoder(config_, select_kernels("auto"), config_.t);
  fill(decoder.parameters());
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    expect_rows(decoder.feed({&tokens_[i], 1}), i);
    EXPECT_EQ(decoder.position(), static_cast<int>(i) + 1);
  }
}

TEST_P(DecoderTest, APromptAtOnceAndTheRestOneByOne) {
  Decoder decoder(config_, select_kernels("auto"), config_.t);
  fill(decoder.parameters());
  const std::size_t prompt = tokens_.size() / 2;
  expect_rows(decoder.feed(std::span(tokens_).first(prompt)), prompt - 1);
  expect_rows(decoder.feed_all(std::span(tokens_).subspan(prompt)), prompt);

  decoder.reset();  // what the cache held must not matter
  expect_rows(decoder.feed_all(tokens_), 0);
}

INSTANTIATE_TEST_SUITE_P(, DecoderTest, testing::ValuesIn(kConfigs));

TEST(DecoderErrorsTest, RefusesWhatDoesNotFit) {
  const ModelConfig config = kConfigs[0];
  const KernelSet kernels = select_kernels("auto");
  EXPECT_THROW_MESSAGE(Decoder(config, kernels, 41), Error, "capacity = 41");
  EXPECT_THROW_MESSAGE(Decoder(config, kernels, 0), Error, "capacity = 0");
  Decoder decoder(config, kernels, 3);
  const std::vector<int> tokens = {1, 2, 3, 4};
  EXPECT_THROW_MESSAGE(decoder.feed({}), Error, "no token was given");
  EXPECT_THROW_MESSAGE(decoder.feed(tokens), Error, "4 tokens do not fit: 0 of 3 places are taken");
  const int outside = 70;
  EXPECT_THROW_MESSAGE(decoder.feed({&outside, 1}), Error, "token 70 lies outside the vocabulary [0, 70)");
  EXPECT_EQ(decoder.position(), 0);
}

}  // namespace
}  // namespace wb
