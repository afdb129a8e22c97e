// The training program as the user meets it: what it refuses, in which words, and what a run leaves behind.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "07_tinyllama/train/metrics.h"
#include "07_tinyllama/train/run.h"
#include "07_tinyllama/trainer/checkpoint/json_file.h"
#include "common/core/results.h"
#include "common/profiler/trace.h"

namespace wb {
namespace {

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

class TrainCliTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("wb_train_cli_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::string text;
    for (int i = 0; i < 200; ++i)
      text += "a thread per row, a block per tile; number " + std::to_string(i * i) + ". ";
    text_ = file("text.txt", text);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  std::filesystem::path run_folder() const { return folder_ / "run"; }

  static Outcome raw(const std::vector<std::string>& arguments) {
    std::vector<const char*> argv = {"train"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    std::stringstream out, err;
    const int code = train_main(static_cast<int>(argv.size()), argv.data(), out, err, false);
    return {code, out.str(), err.str()};
  }

  // A model that takes milliseconds. Kernels are looked up: measuring them would start this test once more.
  Outcome train(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {"--preset",     "nano", "--layers",   "1",  "--width",        "16",
                                    "--heads",      "2",    "--kv-heads", "1",  "--feed-forward", "16",
                                    "--batch-size", "2",    "--seq-len",  "16", "--vocabulary",   "256",
                                    "--kernels",    "fixed"};
    const auto has = [&](const char* option) {
      return std::find(arguments.begin(), arguments.end(), option) != arguments.end();
    };
    for (std::size_t i = 0; i < all.size();) {
      if (has(all[i].c_str())) {
        all.erase(all.begin() + static_cast<std::ptrdiff_t>(i),
                  all.begin() + static_cast<std::ptrdiff_t>(i) + 2);
      } else {
        i += 2;
      }
    }
    if (!has("--data") && !has("--tokens")) all.insert(all.end(), {"--data", text_});
    if (!has("--output")) all.insert(all.end(), {"--output", run_folder().string()});
    all.insert(all.end(), arguments.begin(), arguments.end());
    return raw(all);
  }

  // Exit code 2, one line that says `what`, and no checkpoint.
  void expect_refused(const std::vector<std::string>& arguments, const std::string& what) {
    const Outcome outcome = train(arguments);
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    EXPECT_NE(outcome.err.find(what), std::string::npos) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(run_folder()));
  }

  static std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    EXPECT_TRUE(in) << path;
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path folder_;
  std::string text_;
};

TEST_F(TrainCliTest, RefusesShapesThatNoModelHas) {
  expect_refused({"--heads", "3"}, "3 query heads do not divide the model width 16");
  expect_refused({"--layers", "0"}, "number of layers L is 0");
  expect_refused({"--preset", "huge"}, "unknown preset 'huge'");
  expect_refused({"--batch-size", "-4"}, "batch size B is -4");
}

TEST_F(TrainCliTest, RefusesNumbersOutOfRange) {
  expect_refused({"--steps", "0"}, "--steps is 0; it must be 1 or more");
  expect_refused({"--steps", "many"}, "--steps");
  expect_refused({"--learning-rate", "inf"}, "--learning-rate is inf; it must be more than 0 and finite");
  expect_refused({"--learning-rate", "nan"}, "--learning-rate is nan");
  expect_refused({"--learning-rate", "-1"}, "--learning-rate is -1");
  expect_refused({"--minimum-learning-rate", "1"}, "between 0 and the learning rate");
  expect_refused({"--beta2", "1"}, "--beta2 is 1; it must be at least 0 and less than 1");
  expect_refused({"--weight-decay", "nan"}, "--weight-decay is nan");
  expect_refused({"--clip", "-1"}, "--clip is -1");
  expect_refused({"--warmup-steps", "9", "--steps", "8"}, "more than the 8 steps");
  expect_refused({"--gradient-accumulation", "0"}, "--gradient-accumulation is 0");
  expect_refused({"--validation-share", "1"}, "--validation-share is 1");
  expect_refused({"--validate-every", "0"}, "--validate-every is 0");
  expect_refused({"--seed", "-1"}, "--seed");
}

TEST_F(TrainCliTest, RefusesUnknownNames) {
  expect_refused({"--stpes", "3"}, "--stpes");
  expect_refused({"--optimizer", "sgd"}, "--optimizer is 'sgd'; there are adamw and muon");
  expect_refused({"--schedule", "linear"}, "--schedule is 'linear'; there are cosine and constant");
  expect_refused({"--precision", "fp8"}, "no precision 'fp8'");
  expect_refused({"--kernels", "fastest"}, "no implementation 'fastest'");
  expect_refused({"--kernels", "fixed,swiglu=fastest"}, "no implementation 'fastest' of swiglu");
}

TEST_F(TrainCliTest, RefusesDataThatIsNone) {
  const std::string pipe = (folder_ / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  expect_refused({"--data", pipe}, "is a device or a pipe");
  expect_refused({"--data", "/dev/zero"}, "is a device or a pipe");
  expect_refused({"--data", folder_.string()}, "is a directory");
  expect_refused({"--data", (folder_ / "absent").string()}, "No such file");
  expect_refused({"--data", file("empty", "")}, "is empty");
  expect_refused({"--data", file("short", "too short")}, "8 bytes, but a sequence of 16 tokens needs 17");
  expect_refused({"--data", file("tail", std::string(100, 'x'))}, "to validate on has 10 bytes");
  expect_refused({"--tokens", file("odd.bin", "abc")}, "no whole number of 16-bit tokens");
  expect_refused({"--tokens", file("t.bin", std::string(2000, '\x7f'))},
                 "the largest token of t.bin is 32639, but the model's vocabulary is 256; it must be 32640");
  expect_refused({"--vocabulary", "255"}, "give --vocabulary 256 or more");
  expect_refused({"--tokens", text_, "--data", text_}, "--data or --tokens, not both");
  expect_refused({"--validation-tokens", text_}, "--validation-tokens goes with --tokens");
}

TEST_F(TrainCliTest, RefusesARunThatDoesNotFit) {
  expect_refused({"--batch-size", "2000000", "--vocabulary", "32000"}, "too little memory: this run needs");
  expect_refused({"--batch-size", "2000000", "--vocabulary", "32000"}, "would fit");
  expect_refused({"--width", "262144", "--heads", "2048", "--kv-heads", "1", "--feed-forward", "1048576",
                  "--layers", "16"},
                 "not even --batch-size 1 would fit");
}

TEST_F(TrainCliTest, RefusesToReplaceARun) {
  ASSERT_EQ(train({"--steps", "2"}).code, 0);
  const std::string before = bytes_of(run_folder() / "latest" / "model.safetensors");
  const Outcome again = train({"--steps", "3"});
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.err.find("holds a run already; continue it with --resume"), std::string::npos) << again.err;
  EXPECT_EQ(bytes_of(run_folder() / "latest" / "model.safetensors"), before);
  const Outcome replaced = train({"--steps", "3", "--checkpoint-every", "0", "--overwrite"});
  EXPECT_EQ(replaced.code, 0) << replaced.err;
  EXPECT_FALSE(std::filesystem::exists(run_folder() / "step-00000002"));
  EXPECT_TRUE(std::filesystem::exists(run_folder() / "step-00000003"));
}

TEST_F(TrainCliTest, RefusesOptionFilesThatAreNone) {
  expect_refused({"--config", (folder_ / "absent").string()}, "absent");
  expect_refused({"--config", file("c.json", "[1]")}, "c.json");
  expect_refused({"--config", file("c.json", "{\"layerz\": 2}")}, "there is no option \"layerz\"");
  expect_refused({"--config", file("c.json", "{\"steps\": [1, 2]}")}, "\"steps\" takes one value");
  expect_refused({"--config", file("c.json", "{\"steps\": {}}")}, "\"steps\" must be a text, a number");
  expect_refused({"--config", file("c.json", "{\"steps\": \"many\"}")}, "--steps");
  expect_refused({"--resume", (folder_ / "absent").string()}, "absent");
}

TEST_F(TrainCliTest, AnOptionFileGivesWhatTheCommandLineDoesNot) {
  const std::string config =
      file("c.json", R"({"steps": 3, "gradient-accumulation": 2, "weight-decay": 0.5})");
  const Outcome outcome = train({"--config", config, "--steps", "2"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto body = read_results(run_folder() / "training.json", "training")["body"];
  EXPECT_EQ(body["steps"], 2);
  EXPECT_EQ(body["optimizer"]["gradient_accumulation"], 2);
  EXPECT_EQ(body["optimizer"]["weight_decay"], 0.5);
}

TEST_F(TrainCliTest, HelpNamesEveryOption) {
  const Outcome outcome = raw({"--help"});
  EXPECT_EQ(outcome.code, 0);
  for (const char* option : {"--preset", "--config", "--data", "--tokens", "--optimizer", "--schedule",
                             "--clip", "--precision", "--kernels", "--output", "--resume", "--trace"}) {
    EXPECT_NE(outcome.out.find(option), std::string::npos) << option;
  }
}

TEST_F(TrainCliTest, LearnsAndWritesWhatItSays) {
  const Outcome outcome = train({"--steps", "60", "--validate-every", "20", "--learning-rate", "0.01"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("Done: 60 steps, best validation loss"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.err.find("step 20/60"), std::string::npos) << outcome.err;
  const auto body = read_results(run_folder() / "training.json", "training")["body"];
  ASSERT_EQ(body["validation"].size(), 4u);  // before the first step, and at 20, 40, 60
  EXPECT_LT(body["validation"].back()["loss"].get<double>(),
            body["validation"][0]["loss"].get<double>() - 1.0);
  EXPECT_EQ(body["training"].size(), 6u);
  EXPECT_LE(body["best"]["loss"], body["validation"].back()["loss"]);
  EXPECT_GT(body["mfu"].get<double>(), 0.0);
  EXPECT_EQ(body["options"]["data"], nlohmann::json({"text.txt"}));
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(run_folder()))
    names.insert(entry.path().filename());
  for (const char* name :
       {"latest", "best", "step-00000060", "metrics.jsonl", "options.json", "training.json"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  for (const auto& line : read_metrics(run_folder() / "metrics.jsonl")) {
    if (line.contains("validation_loss")) continue;
    for (const char* field :
         {"loss", "gradient_norm", "learning_rate", "tokens", "tokens_per_second", "mfu"}) {
      EXPECT_TRUE(line[field].is_number()) << field;
    }
  }
}

// The window's steps are whole, also when the run ends with them.
TEST_F(TrainCliTest, TracesSomeSteps) {
  if (!Trace::unavailable().empty()) GTEST_SKIP() << Trace::unavailable();
  const std::string path = (folder_ / "trace.json").string();
  const Outcome outcome = train(
      {"--data", text_, "--steps", "4", "--validate-every", "2", "--trace", path, "--trace-steps", "3"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const nlohmann::json trace = read_json_object(path);
  std::map<std::string, int> ranges;
  int of_steps = 0, of_validation = 0;
  for (const nlohmann::json& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    if (event["cat"] == "range") ++ranges[event["name"]];
    if (event["cat"] != "kernel") continue;
    const std::string range = event["args"].value("range", "");
    of_steps += range.starts_with("step ");
    of_validation += range.starts_with("validation");
  }
  for (const char* step : {"step 1", "step 2", "step 3"}) EXPECT_EQ(ranges[step], 1) << step;
  EXPECT_EQ(ranges["step 0"], 0);
  EXPECT_EQ(ranges["backward"], 3);
  EXPECT_EQ(ranges["validation"], 1) << "between two traced steps";
  EXPECT_GT(of_steps, 3 * 20);
  EXPECT_GT(of_validation, 0);
}

TEST_F(TrainCliTest, RefusesATraceThatCannotBeWritten) {
  if (!Trace::unavailable().empty()) GTEST_SKIP() << Trace::unavailable();
  const Outcome outcome = train({"--data", text_, "--trace", (folder_ / "missing/trace.json").string()});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("missing/trace.json"), std::string::npos) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(run_folder())) << "before anything was written";
}

TEST_F(TrainCliTest, TrainsOnTokenFiles) {
  std::string numbers;
  for (int i = 0; i < 3000; ++i) numbers += {static_cast<char>(i * 7 % 200), '\0'};
  const std::string train_file = file("train.bin", numbers),
                    val_file = file("val.bin", numbers.substr(0, 800));
  const Outcome outcome = train({"--steps", "3", "--tokens", train_file, "--validation-tokens", val_file});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("3000 tokens of train.bin; validation: 400 tokens of val.bin"),
            std::string::npos)
      << outcome.out;
  EXPECT_NE(outcome.out.find("nats per token"), std::string::npos);
}

// Stopped, resumed, and resumed again: the bits of a run that was never stopped.
TEST_F(TrainCliTest, AResumedRunIsTheSameRun) {
  for (const char* optimizer : {"adamw", "muon"}) {
    const std::string whole = (folder_ / (std::string("whole_") + optimizer)).string();
    const std::string parts = (folder_ / (std::string("parts_") + optimizer)).string();
    const std::vector<std::string> common = {"--optimizer", optimizer,          "--gradient-accumulation",
                                             "2",           "--validate-every", "4"};
    const auto with = [&](std::vector<std::string> more) {
      more.insert(more.end(), common.begin(), common.end());
      return more;
    };
    ASSERT_EQ(train(with({"--steps", "12", "--output", whole})).code, 0);
    // Take away what was written after step 8: what a crash leaves behind.
    ASSERT_EQ(train(with({"--steps", "12", "--output", parts})).code, 0);
    for (const char* name : {"latest", "step-00000012"}) std::filesystem::remove_all(folder_ / parts / name);
    ASSERT_TRUE(std::filesystem::exists(folder_ / parts / "step-00000008"));
    std::filesystem::create_symlink("step-00000008", folder_ / parts / "latest");
    const Outcome resumed = raw({"--resume", parts});
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    EXPECT_NE(resumed.out.find("resumed at step 8"), std::string::npos) << resumed.out;
    for (const char* name : {"model.safetensors", "optimizer.safetensors"}) {
      EXPECT_EQ(bytes_of(folder_ / whole / "latest" / name), bytes_of(folder_ / parts / "latest" / name))
          << name;
    }
    const auto losses = [&](const std::string& folder) {
      std::vector<double> values;
      for (const auto& line : read_metrics(folder_ / folder / "metrics.jsonl")) {
        values.push_back(line.value("loss", line.value("validation_loss", 0.0)));
      }
      return values;
    };
    EXPECT_EQ(losses(whole), losses(parts)) << optimizer;
  }
}

TEST_F(TrainCliTest, ResumingOtherDataIsRefused) {
  ASSERT_EQ(train({"--steps", "4"}).code, 0);
  const std::string other = file("other.txt", bytes_of(text_) + "more");
  const Outcome outcome = raw({"--resume", run_folder().string(), "--steps", "8", "--data", other});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("other.txt"), std::string::npos) << outcome.err;
}

TEST_F(TrainCliTest, ResumingBackwardIsRefused) {
  ASSERT_EQ(train({"--steps", "4"}).code, 0);
  const Outcome outcome = raw({"--resume", run_folder().string(), "--steps", "3"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("has done 4 already; give more"), std::string::npos) << outcome.err;
}

TEST_F(TrainCliTest, ALossThatIsNotFiniteNamesATensorAndLeavesTheCheckpoint) {
  ASSERT_EQ(train({"--steps", "3"}).code, 0);
  const std::string before = bytes_of(run_folder() / "latest" / "model.safetensors");
  const Outcome outcome = raw({"--resume", run_folder().string(), "--steps", "60", "--learning-rate", "1e35",
                               "--schedule", "constant"});
  EXPECT_EQ(outcome.code, 1);
  const std::string last = outcome.err.substr(outcome.err.rfind("train: "));
  EXPECT_NE(last.find("is not finite: the first tensor that is not finite is "), std::string::npos) << last;
  EXPECT_NE(last.find("the checkpoint of step 3"), std::string::npos) << last;
  EXPECT_EQ(std::count(last.begin(), last.end(), '\n'), 1) << last;
  EXPECT_EQ(bytes_of(run_folder() / "latest" / "model.safetensors"), before);
  EXPECT_EQ(std::filesystem::read_symlink(run_folder() / "latest"), "step-00000003");
}

TEST_F(TrainCliTest, CtrlCWritesACheckpointAndSaysHowToGoOn) {
  for (const int number : {SIGINT, SIGTERM}) {
    std::filesystem::remove_all(run_folder());
    // The run's first files mean that its handlers are there.
    std::thread interrupter([&] {
      while (!std::filesystem::exists(run_folder() / "step-00000020")) std::this_thread::yield();
      kill(getpid(), number);
    });
    const Outcome outcome =
        train({"--steps", "1000000", "--checkpoint-every", "20", "--validate-every", "1000000"});
    interrupter.join();
    EXPECT_EQ(outcome.code, 130) << outcome.err;
    EXPECT_NE(outcome.out.find("Go on with --resume " + run_folder().string()), std::string::npos)
        << outcome.out;
    const std::string latest = std::filesystem::read_symlink(run_folder() / "latest").string();
    EXPECT_GE(std::stoi(latest.substr(5)), 20) << latest;
    EXPECT_EQ(outcome.out.find("Done"), std::string::npos);
  }
}

}  // namespace
}  // namespace wb
