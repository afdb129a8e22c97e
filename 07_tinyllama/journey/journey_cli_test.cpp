// The journey as the user meets it: what it refuses, in which words, and what a good run leaves behind.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "07_tinyllama/journey/journey.h"
#include "common/profiler/trace.h"

namespace wb {
namespace {

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

class JourneyCliTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() /
        (std::string("wb_journey_cli_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  // Small, so that what is accepted by mistake does not run for long.
  Outcome journey(std::vector<std::string> arguments) {
    std::vector<std::string> all = {"journey"};
    const auto has = [&](const char* option) {
      return std::find(arguments.begin(), arguments.end(), option) != arguments.end();
    };
    if (!has("--layers")) all.insert(all.end(), {"--layers", "1"});
    if (!has("--preset")) all.insert(all.end(), {"--preset", "nano"});
    if (!has("--output")) all.insert(all.end(), {"--output", results().string()});
    all.insert(all.end(), arguments.begin(), arguments.end());
    std::vector<const char*> argv;
    for (const std::string& argument : all) argv.push_back(argument.c_str());
    std::stringstream out, err;
    const auto quiet = [](const std::string&, int, int, float) {};
    const int code = journey_main(static_cast<int>(argv.size()), argv.data(), out, err, quiet);
    return {code, out.str(), err.str()};
  }

  // Exit code 2, one line that says `what`, and not a file written.
  void expect_refused(const std::vector<std::string>& arguments, const std::string& what) {
    const Outcome outcome = journey(arguments);
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    EXPECT_NE(outcome.err.find(what), std::string::npos) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_TRUE(outcome.out.empty()) << outcome.out;
    EXPECT_FALSE(std::filesystem::exists(results()));
  }

  std::filesystem::path results() const { return folder_ / "results"; }

  std::filesystem::path folder_;
};

TEST_F(JourneyCliTest, RefusesAnUnknownStage) {
  expect_refused({"--stage", "9"}, "no stage '9'; the stages are v1, v2, 1, 2, 3, 4, 5, v4");
  expect_refused({"--stage", "3", "--stage", "six"}, "no stage 'six'");
}

TEST_F(JourneyCliTest, RefusesAnUnknownPreset) {
  expect_refused({"--preset", "huge"}, "unknown preset 'huge'");
}

TEST_F(JourneyCliTest, RefusesAnUnknownOption) {
  expect_refused({"--stgae", "3"}, "--stgae");
}

TEST_F(JourneyCliTest, RefusesWhatIsNoNumber) {
  expect_refused({"--steps", "many"}, "--steps");
}

TEST_F(JourneyCliTest, RefusesSizesBelowOne) {
  expect_refused({"--batch-size", "0"}, "batch size B is 0");
  expect_refused({"--seq-len", "0"}, "sequence length T is 0");
  expect_refused({"--steps", "0"}, "--steps is 0");
  expect_refused({"--learning-rate", "0"}, "--learning-rate is 0");
  expect_refused({"--learning-rate", "inf"}, "--learning-rate is inf");
  expect_refused({"--seed", "-1"}, "--seed");
  expect_refused({"--preset", ""}, "--preset is empty");
  expect_refused({"--kernels", ""}, "--kernels is empty");
  expect_refused({"--data", "/dev/zero"}, "is a device or a pipe");
}

TEST_F(JourneyCliTest, RefusesNumbersOutOfEveryRange) {
  for (const char* rate : {"inf", "-inf", "nan", "1e999", "-1", "x"}) {
    expect_refused({"--learning-rate", rate}, "--learning-rate");
  }
  for (const char* seed : {"-1", "1e3", "99999999999999999999999"})
    expect_refused({"--seed", seed}, "--seed");
  expect_refused({"--kernels", "auto,"}, "--kernels");
  expect_refused({"--steps", "99999999999"}, "--steps");
  expect_refused({"--steps", "2147483647"}, "100000000 or less");
}

TEST_F(JourneyCliTest, RefusesWhatIsEmpty) {
  for (const char* option : {"--preset", "--kernels", "--data", "--stage", "--output", "--text", "--seed"}) {
    expect_refused({option, ""}, option);
  }
}

// Before a table of a million layers, and their memory.
TEST_F(JourneyCliTest, RefusesAModelThatFitsNoMemoryAtOnce) {
  expect_refused({"--batch-size", "2000000"}, "this device has");
  const auto start = std::chrono::steady_clock::now();
  expect_refused({"--layers", "1000000"}, "it must be at most");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));  // a table takes a minute
}

TEST_F(JourneyCliTest, RefusesDevicesAndPipesAsData) {
  expect_refused({"--data", "/dev/zero"}, "is a device or a pipe");
  const std::string pipe = (folder_ / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  expect_refused({"--data", pipe}, "is a device or a pipe");
  expect_refused({"--text", pipe}, "is a device or a pipe");
}

TEST_F(JourneyCliTest, RefusesHeadsThatDoNotDivide) {
  expect_refused({"--heads", "5"}, "5 query heads do not divide");
  expect_refused({"--kv-heads", "3"}, "3 key/value heads do not divide");
}

TEST_F(JourneyCliTest, RefusesUnknownKernels) {
  expect_refused({"--kernels", "fastest"}, "fastest");
}

TEST_F(JourneyCliTest, RefusesUnusableData) {
  expect_refused({"--data", (folder_ / "missing.txt").string()}, "missing.txt");
  expect_refused({"--data", folder_.string()}, "is a directory");
  expect_refused({"--data", file("empty.txt", "")}, "empty.txt' is empty");
  expect_refused({"--data", file("short.txt", "too short")}, "needs 65");
  expect_refused({"--text", file("short.txt", "too short")}, "needs 65");
}

TEST_F(JourneyCliTest, RefusesAFolderThatTakesNothing) {
  const Outcome outcome = journey({"--output", "/proc/nowhere"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("cannot write in /proc"), std::string::npos) << outcome.err;
}

TEST_F(JourneyCliTest, RefusesAFolderThatIsAFile) {
  const Outcome outcome = journey({"--output", file("taken", "x")});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("is a file, not a folder"), std::string::npos) << outcome.err;
}

TEST_F(JourneyCliTest, RefusesATraceThatCannotBeWritten) {
  if (!Trace::unavailable().empty()) GTEST_SKIP() << Trace::unavailable();
  expect_refused({"--trace", (folder_ / "missing/trace.json").string()}, "missing/trace.json");
  expect_refused({"--trace", folder_.string()}, "it is a folder");
  expect_refused({"--trace", (folder_ / "trace.json").string(), "--trace-steps", "0"}, "--trace-steps is 0");
}

// Each stage's steps, and in them every kernel, on one time axis.
TEST_F(JourneyCliTest, TracesEveryStage) {
  if (!Trace::unavailable().empty()) GTEST_SKIP() << Trace::unavailable();
  const std::string path = (folder_ / "trace.json").string();
  const Outcome outcome = journey({"--stage", "1", "--stage", "5", "--steps", "1", "--batch-size", "1",
                                   "--seq-len", "32", "--no-profile", "--trace", path, "--trace-steps", "2"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::ifstream file(path);
  const auto trace = nlohmann::json::parse(file);
  std::map<std::string, int> ranges;
  std::size_t kernels = 0;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    if (event["cat"] == "range") ++ranges[event["name"]];
    if (event["cat"] != "kernel") continue;
    ++kernels;
    EXPECT_EQ(event["args"]["range"].get<std::string>().rfind("stage ", 0), 0u) << event;
  }
  EXPECT_EQ(ranges["stage 1"], 1);
  EXPECT_EQ(ranges["stage 5"], 1);
  for (const char* phase : {"forward", "backward", "optimizer", "read loss"})
    EXPECT_EQ(ranges[phase], 4) << phase;
  EXPECT_EQ(ranges["step 0"], 2);
  EXPECT_EQ(ranges["attention"], 4 * 2) << "4 steps of a layer, forward and backward";
  EXPECT_GT(kernels, 4u * 20u);
  EXPECT_NE(outcome.out.find(std::to_string(kernels) + " kernels"), std::string::npos) << outcome.out;
}

TEST_F(JourneyCliTest, HelpNamesEveryOption) {
  const Outcome outcome = journey({"--help"});
  EXPECT_EQ(outcome.code, 0);
  for (const char* option : {"--stage", "--preset", "--steps", "--batch-size", "--seq-len", "--seed",
                             "--data", "--text", "--kernels", "--output", "--trace"}) {
    EXPECT_NE(outcome.out.find(option), std::string::npos) << option;
  }
  EXPECT_FALSE(std::filesystem::exists(results()));
}

TEST_F(JourneyCliTest, TrainsOnAFileAndWritesWhatItSays) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "a thread a row, a block a tile; ";
  const std::string path = file("text.txt", text);
  const Outcome outcome =
      journey({"--stage", "V1", "--stage", "5", "--steps", "2", "--batch-size", "1", "--data", path, "--seed",
               "3", "--no-profile", "--text-steps", "30", "--text", path});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(outcome.err.empty()) << outcome.err;
  EXPECT_NE(outcome.out.find("1920 bytes of text.txt"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("The loss falls from"), std::string::npos) << outcome.out;
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(results()))
    names.insert(entry.path().filename());
  EXPECT_EQ(names, std::set<std::string>({"journey.json"}));
}

}  // namespace
}  // namespace wb
