// The program as the user meets it: what it writes, and what it refuses in which words.
#include "07_tinyllama/sample/sample.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "07_tinyllama/trainer/checkpoint/checkpoint.h"
#include "07_tinyllama/trainer/checkpoint/safetensors.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

namespace fs = std::filesystem;

constexpr ModelConfig kTiny = {.c = 32, .l = 1, .h = 2, .k = 1, .f = 48, .v = 300, .b = 4, .t = 48};
constexpr const char* kLesson = "to be or not to be, that is the question. ";

struct Outcome {
  int code;
  std::string out, err;
};

Outcome sample(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "sample");
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::stringstream out, err;
  const int code = sample_main(static_cast<int>(argv.size()), argv.data(), out, err);
  return {code, out.str(), err.str()};
}

class SampleCliTest : public testing::Test {
 protected:
  // A model that has learned one sentence by heart.
  static void SetUpTestSuite() {
    folder_ = fs::temp_directory_path() / fmt::format("wb_sample_cli_{}", getpid());
    std::string text;
    for (int i = 0; i < 20; ++i) text += kLesson;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    Trainer trainer({.config = kTiny,
                     .kernels = select_kernels("auto"),
                     .adamw = {.learning_rate = 1e-2f},
                     .max_steps = 400},
                    Data::text(kTiny, {bytes, text.size()}, 1));
    trainer.train(400);
    CheckpointStore store(run());
    save_checkpoint(store, trainer);
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  static fs::path run() { return folder_ / "run"; }
  static void expect_refused(const std::vector<std::string>& arguments, int code, const std::string& what) {
    const Outcome outcome = sample(arguments);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_NE(outcome.err.find(what), std::string::npos) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_TRUE(outcome.out.empty()) << outcome.out;
  }

  inline static fs::path folder_;
};

TEST_F(SampleCliTest, SaysWhatItHasLearned) {
  const Outcome outcome =
      sample({"--checkpoint", run().string(), "--prompt", "not to", "--tokens", "30", "--temperature", "0"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "not to be, that is the question. to \n");
  EXPECT_NE(outcome.err.find("30 tokens in"), std::string::npos) << outcome.err;
}

TEST_F(SampleCliTest, SameSeedSameText) {
  const auto text = [](const std::string& seed) {
    return sample({"--checkpoint", run().string(), "--tokens", "40", "--temperature", "3", "--seed", seed})
        .out;
  };
  EXPECT_EQ(text("5"), text("5"));
  EXPECT_NE(text("5"), text("6"));
}

TEST_F(SampleCliTest, StopsBeforeTheStopText) {
  const Outcome outcome = sample({"--checkpoint", run().string(), "--prompt", "to be", "--tokens", "40",
                                  "--temperature", "0", "--stop", "that"});
  EXPECT_EQ(outcome.out.substr(0, 5), "to be");
  EXPECT_EQ(outcome.out.find("that"), std::string::npos) << outcome.out;
  EXPECT_LT(outcome.out.size(), 30u) << outcome.out;
}

TEST_F(SampleCliTest, SaysThatTheContextIsFull) {
  const Outcome outcome = sample({"--checkpoint", run().string(), "--prompt", "to be", "--tokens", "100"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.err.find("stopped after 43 of 100 tokens: the model's context of 48 tokens is full"),
            std::string::npos)
      << outcome.err;
}

// Twice the context and more: by heart, so that what was dropped cannot show.
TEST_F(SampleCliTest, SlidesOn) {
  const Outcome outcome = sample({"--checkpoint", run().string(), "--prompt", "to be", "--tokens", "100",
                                  "--temperature", "0", "--slide"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out.size(), 106u) << outcome.out;
  EXPECT_EQ(outcome.err.find("full"), std::string::npos) << outcome.err;
}

TEST_F(SampleCliTest, WritesLogits) {
  const fs::path file = folder_ / "logits.safetensors";
  const Outcome outcome =
      sample({"--checkpoint", run().string(), "--ids", "7,299,0,65", "--logits", file.string()});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const Safetensors tensors = read_safetensors(file.string());
  EXPECT_EQ(tensors.at("logits").shape, (std::vector<std::int64_t>{4, 300}));
  EXPECT_EQ(tensors.at("ids").as_int(), (std::vector<int>{7, 299, 0, 65}));
}

TEST_F(SampleCliTest, RefusesBadArguments) {
  const std::string folder = run().string();
  expect_refused({}, 2, "--checkpoint is required");
  const auto refused = [&](std::vector<std::string> arguments, const std::string& what) {
    SCOPED_TRACE(arguments.front() + " " + arguments.back());
    arguments.insert(arguments.begin(), {"--checkpoint", folder});
    expect_refused(arguments, 2, what);
  };
  refused({"--tokens", "0"}, "--tokens is 0");
  refused({"--tokens", "many"}, "--tokens");
  refused({"--temperature", "-1"}, "--temperature is -1");
  refused({"--temperature", "nan"}, "--temperature is nan");
  refused({"--temperature", "inf"}, "--temperature is inf");
  refused({"--top-k", "-2"}, "--top-k is -2");
  refused({"--top-p", "0"}, "--top-p is 0");
  refused({"--top-p", "1.01"}, "--top-p is 1.01");
  refused({"--seed", "-1"}, "--seed: '-1' is not a whole number");
  refused({"--prompt", ""}, "--prompt is empty");
  refused({"--ids", "1,2"}, "--ids is for --logits");
  refused({"--ids", "1", "--logits", "x", "--prompt", "x"}, "name the same tokens");
  refused({"--nothing"}, "--nothing");
}

TEST_F(SampleCliTest, RefusesWhatTheModelCannotDo) {
  const std::string folder = run().string();
  expect_refused({"--checkpoint", (folder_ / "nowhere").string()}, 2, "nowhere' is not there");
  expect_refused({"--checkpoint", folder, "--prompt", std::string(48, 'x')}, 2,
                 "48 tokens are given, but the model's context is 48; give 47 at most");
  expect_refused({"--checkpoint", folder, "--kernels", "fastest"}, 2, "fastest");
  expect_refused({"--checkpoint", folder, "--logits", (folder_ / "l").string(), "--ids", "300"}, 2,
                 "token 300 lies outside the vocabulary");
  expect_refused({"--checkpoint", folder, "--logits", (folder_ / "no/such/l").string()}, 1, "cannot write");

  ModelConfig small = kTiny;
  small.v = 64;
  Trainer trainer({.config = small, .kernels = select_kernels("auto")}, Data::random(small, 1));
  CheckpointStore store(folder_ / "small");
  save_checkpoint(store, trainer);
  expect_refused({"--checkpoint", (folder_ / "small").string()}, 2, "has a vocabulary of 64");

  fs::copy(find_checkpoint(run()), folder_ / "other", fs::copy_options::recursive);
  fs::remove(folder_ / "other/manifest.json");
  std::ofstream(folder_ / "other/tokenizer.json")
      << R"({"model":{"type":"BPE","vocab":{"A":0},"merges":[]}})";
  expect_refused({"--checkpoint", (folder_ / "other").string()}, 2, "are not bytes");
}

TEST_F(SampleCliTest, HelpNamesEveryOption) {
  const Outcome outcome = sample({"--help"});
  EXPECT_EQ(outcome.code, 0);
  for (const char* option : {"--checkpoint", "--prompt", "--tokens", "--temperature", "--top-k", "--top-p",
                             "--seed", "--stop", "--slide", "--logits", "--ids"}) {
    EXPECT_NE(outcome.out.find(option), std::string::npos) << option;
  }
}

}  // namespace
}  // namespace wb
