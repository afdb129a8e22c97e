// The journey beside two programs that never stop computing, on the CPU device: its figures may change, but
// not which stage is faster than which, and not what the sentences below the table conclude.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
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

TEST(JourneyBesideBusyLoops, KeepsItsRankingAndItsSentences) {
  if (!device_is_cpu()) GTEST_SKIP() << "a GPU does not share its time with the host's programs";
  if (under_sanitizer()) GTEST_SKIP() << "no timing under a sanitizer";
  // Before the device starts threads, which a forked process would not have.
  const BusyLoops loops(2);
  ASSERT_EQ(loops.count(), 2u);
  std::vector<const char*> arguments = {"journey", "--layers", "1", "--steps", "3"};
  for (const char* key : {"v1", "2", "3", "4", "5"}) arguments.insert(arguments.end(), {"--stage", key});
  std::string answer;
  JourneyOptions options =
      parse_options(static_cast<int>(arguments.size()), arguments.data(), answer).value();
  options.rounds = 5;  // their median bears two that something else has slowed
  const JourneyReport report = run_journey(options, [](const std::string&, int, int, float) {});
  const std::vector<StageResult>& results = report.stages;
  const auto stage = [&](std::string_view key) -> const StageResult& { return *find_result(results, key); };
  const auto sentence = [&](std::string_view key) {
    return observation(results, stage(key), std::log(options.config.v));
  };
  const auto expect = [&](std::string_view key, const char* conclusion) {
    EXPECT_NE(sentence(key).find(conclusion), std::string::npos) << key << ": " << sentence(key);
  };

  EXPECT_GT(stage("5").samples_per_second, stage("v1").samples_per_second);
  EXPECT_GT(stage("5").samples_per_second, stage("4").samples_per_second);
  EXPECT_GT(stage("4").samples_per_second, stage("2").samples_per_second);
  EXPECT_GT(stage("3").samples_per_second, stage("2").samples_per_second);

  expect("2", "times what it takes on contiguous keys and values");
  expect("3", "times faster than stage 2's, since attention takes");
  expect("3", "it cannot see");
  EXPECT_GT(stage("4").phase_share, 0.9);
  expect("4", "the step is as fast as stage 3's");
  expect("5", "times faster than stage 4's and");
  expect("5", "times faster than V1's");
  EXPECT_TRUE(was_busy(report)) << table(report);
  EXPECT_NE(table(report).find("THE MACHINE WAS BUSY"), std::string::npos);
}

}  // namespace
}  // namespace wb
