// The file side of test_report.h.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "common/harness/inspection.h"
#include "common/harness/selection.h"
#include "common/harness/test_report.h"
#include "common/harness/watched_call.h"

namespace wb::detail {
namespace {

using nlohmann::json;

const char* status_of(const testing::TestResult& result) {
  if (result.Skipped()) return "skipped";
  return result.Passed() ? "passed" : "failed";
}

json describe(const testing::TestInfo& test) {
  const std::string name = test.name();
  const std::size_t slash = name.find('/');
  const testing::TestResult& result = *test.result();
  json messages = json::array();
  for (int i = 0; i < result.total_part_count(); ++i) {
    const testing::TestPartResult& part = result.GetTestPartResult(i);
    const std::string file = part.file_name() == nullptr ? "" : part.file_name();
    messages.push_back(part.failed() ? readable_failure(file, part.line_number(), part.message())
                                     : part.message());
  }
  return {{"suite", test.test_suite_name()},
          {"test", name.substr(0, slash)},
          {"implementation", slash == std::string::npos ? json() : json(name.substr(slash + 1))},
          {"status", status_of(result)},
          {"milliseconds", result.elapsed_time()},
          {"messages", messages}};
}

class ResultsReport : public testing::EmptyTestEventListener {
 public:
  ResultsReport(std::string program, std::function<void(const json&)> finish)
      : program_(std::move(program)), finish_(std::move(finish)) {}

  void OnTestStart(const testing::TestInfo&) override {
    launched_before_ = kernels_launched();
    compared_before_ = elements_compared();
  }

  // Read it now, while the last message of the device belongs to this test.
  void OnTestEnd(const testing::TestInfo& test) override {
    json entry = describe(test);
    const auto launched = kernels_launched();
    entry["launches"] = launched && launched_before_ ? json(*launched - *launched_before_) : json();
    entry["compared"] = elements_compared() - compared_before_;
    entry["findings"] = findings_of_test();
    entry["smaller_sizes"] = took_smaller_sizes();
    tests_.push_back(std::move(entry));
  }

  void OnTestProgramEnd(const testing::UnitTest& all) override {
    json contracts = json::object();
    for (const DeclaredContract& contract : declared_contracts()) {
      contracts[contract.name] = contract.implementation_names();
    }
    finish_({{"program", program_},
             {"filter", implementation_filter()},
             {"contracts", contracts},
             {"passed", all.successful_test_count()},
             {"failed", all.failed_test_count()},
             {"skipped", all.skipped_test_count()},
             {"tests", tests_}});
  }

 private:
  std::string program_;
  std::function<void(const json&)> finish_;
  json tests_ = json::array();
  std::optional<std::uint64_t> launched_before_;
  std::uint64_t compared_before_ = 0;
};

}  // namespace

std::unique_ptr<testing::TestEventListener> make_results_report(std::string program,
                                                                std::function<void(const json&)> finish) {
  return std::make_unique<ResultsReport>(std::move(program), std::move(finish));
}

}  // namespace wb::detail
