// The journey beside two programs that never stop computing, on the CPU device: its figures may change, but
// not which stage is faster than which, and not what the sentences below the table conclude.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <regex>
#include <string>
#include <vector>

#include "07_tinyllama/journey/journey.h"
#include "07_tinyllama/journey/observe.h"
#include "common/core/device_info.h"
#include "common/harness/sanitizer.h"

namespace wb {
namespace {

// Processes of their own, so that the system shares the processors as it would with any other program.
class BusyLoops {
 public:
  explicit BusyLoops(int count) {
    for (int i = 0; i < count; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        alarm(kMostSeconds);  // should this test be killed
        volatile unsigned count = 0;
        for (;;) count = count + 1;
      }
      if (child > 0) children_.push_back(child);
    }
  }
  ~BusyLoops() {
    for (const pid_t child : children_) kill(child, SIGKILL);
    for (const pid_t child : children_) waitpid(child, nullptr, 0);
  }
  std::size_t count() const { return children_.size(); }

 private:
  static constexpr unsigned kMostSeconds = 900;
  std::vector<pid_t> children_;
};

JourneyReport run(const char* tokens, int rounds) {
  std::vector<const char*> arguments = {"journey", "--layers", "1", "--seq-len", tokens, "--steps", "3"};
  for (const char* key : {"v1", "2", "3", "4", "5"}) arguments.insert(arguments.end(), {"--stage", key});
  std::string answer;
  JourneyOptions options =
      parse_options(static_cast<int>(arguments.size()), arguments.data(), answer).value();
  options.rounds = rounds;
  options.profile = false;
  const Progress quiet = [](const std::string&, int, int, float) {};
  JourneyReport report = run_journey(options, quiet);
  // What the sentences about attention compare.
  for (StageResult& result : report.stages) {
    if (result.stage.key == "2" || result.stage.key == "3") {
      result.profile = profile_stage(options, result.stage, quiet);
    }
  }
  return report;
}

// What the figures and sentences of a run do not say, in lines.
std::string missing(const JourneyReport& report) {
  std::string lines;
  const auto stage = [&](std::string_view key) -> const StageResult& {
    return *find_result(report.stages, key);
  };
  const auto require_faster = [&](const char* fast, const char* slow) {
    const double speeds[] = {stage(fast).samples_per_second, stage(slow).samples_per_second};
    if (!(speeds[0] > speeds[1])) {
      lines += fmt::format("stage {} has {} samples/s, and stage {} {}\n", fast, speeds[0], slow, speeds[1]);
    }
  };
  const auto require_words = [&](const char* key, const char* pattern) {
    const std::string sentence = observation(report.stages, stage(key), std::log(report.options.config.v));
    if (!std::regex_search(sentence, std::regex(pattern))) {
      lines += fmt::format("stage {} does not say '{}': {}\n", key, pattern, sentence);
    }
  };
  require_faster("5", "v1");
  require_faster("5", "4");
  require_faster("4", "2");
  require_faster("3", "2");
  require_words("2", "times as long as with contiguous keys and values");
  require_words("3", "times as fast as stage 2's, because attention takes");
  require_words("3", "it misses");
  // The same time, or a difference of less than a tenth.
  require_words("4", "(takes as long as|% (less|more) time than) stage 3's");
  require_words("5", "times as fast as stage 4's and");
  require_words("5", "times as fast as V1's");
  if (!(stage("4").phase_share > 0.9)) lines += "the phases of stage 4 do not add up\n";
  if (!was_busy(report)) lines += "the machine was not busy\n";
  if (table(report).find("THE MACHINE WAS BUSY") == std::string::npos) lines += table(report);
  return lines;
}

TEST(JourneyBesideBusyLoops, KeepsItsRankingAndItsSentences) {
  if (!device_is_cpu()) GTEST_SKIP() << "a GPU does not share its time with the host's programs";
  if (under_sanitizer()) GTEST_SKIP() << "no timing under a sanitizer";
  // Before the device starts threads, which a forked process would not have.
  const BusyLoops loops(2);
  ASSERT_EQ(loops.count(), 2u);
  // Short steps, of which the median of five bears two that something else has slowed. Where still more
  // programs run than the two, the preset's long ones decide.
  const std::string first = missing(run("256", 5));
  if (first.empty()) return;
  const std::string second = missing(run("768", 9));
  EXPECT_TRUE(second.empty()) << "with 256 tokens:\n" << first << "with 768 tokens:\n" << second;
}

}  // namespace
}  // namespace wb
