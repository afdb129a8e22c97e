// The file side of test_report.h.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "common/core/results.h"
#include "common/harness/selection.h"
#include "common/harness/test_report.h"

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
  ResultsReport(std::string program, std::filesystem::path path)
      : program_(std::move(program)), path_(std::move(path)) {}

  // Now, while what the device said last is about this test.
  void OnTestEnd(const testing::TestInfo& test) override { tests_.push_back(describe(test)); }

  void OnTestProgramEnd(const testing::UnitTest& all) override {
    json contracts = json::object();
    for (const DeclaredContract& contract : declared_contracts()) {
      contracts[contract.name] = contract.implementation_names();
    }
    write_results(path_, "tests",
                  {{"program", program_},
                   {"filter", implementation_filter()},
                   {"contracts", contracts},
                   {"passed", all.successful_test_count()},
                   {"failed", all.failed_test_count()},
                   {"skipped", all.skipped_test_count()},
                   {"tests", tests_}});
  }

 private:
  std::string program_;
  std::filesystem::path path_;
  json tests_ = json::array();
};

}  // namespace

std::unique_ptr<testing::TestEventListener> make_results_report(std::string program,
                                                                std::filesystem::path path) {
  return std::make_unique<ResultsReport>(std::move(program), std::move(path));
}

}  // namespace wb::detail
