// main() of every test program: says what runs on what, then runs GoogleTest.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/core/device_info.h"
#include "common/core/error.h"
#include "common/core/results.h"
#include "common/harness/inspection.h"
#include "common/harness/selection.h"
#include "common/harness/test_report.h"
#include "common/harness/verdict.h"
#include "common/harness/watched_call.h"

namespace {

constexpr int kUsageError = 2;

int run(int argc, char** argv) {
  CLI::App app;
  app.allow_extras();
  app.set_help_flag();
  std::string filter, only, part;
  const CLI::Option* option = app.add_option("--impl", filter);
  app.add_option("--test", only);
  app.add_option("--part", part);
  bool stop = false;
  app.add_flag("--stop-at-first", stop);
  app.add_flag("--usual-sizes", wb::detail::usual_sizes);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    throw wb::Error(
        fmt::format("{}; usage: --impl NAME[,NAME], and GoogleTest's options (--help)", error.what()));
  }
  if (option->count() != 0 && filter.empty()) throw wb::Error("--impl is empty; usage: --impl NAME[,NAME]");
  if (option->count() != 0) wb::set_implementation_filter(filter);

  // GoogleTest gets what is left, and instantiates the tests for the implementations selected above.
  std::vector<std::string> rest = app.remaining();
  const bool help =
      std::count(rest.begin(), rest.end(), "--help") + std::count(rest.begin(), rest.end(), "-h") > 0;
  if (help) {
    fmt::print("--impl NAME[,NAME]  test only the implementations of these names (or WB_IMPL=NAME)\n");
    fmt::print("--test SUITE.TEST   run this test alone\n");
    fmt::print("--part I/N          run part I of N of the tests, to divide the tests among N processes\n");
    fmt::print("--stop-at-first     end at the first test that fails\n");
    fmt::print("--usual-sizes       the usual sizes, also where the kernels are inspected\n\n");
  }
  std::vector<char*> arguments{argv[0]};
  for (std::string& text : rest) arguments.push_back(text.data());
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  testing::InitGoogleTest(&count, arguments.data());
  if (help) return 0;
  if (count > 1) throw wb::Error(fmt::format("unknown option '{}'; see --help", arguments[1]));

  const bool judged = wb::detail::verdict_is_asked();
  if (judged || !only.empty() || !part.empty()) wb::detail::run_every_test(only, part);
  if (stop) GTEST_FLAG_SET(fail_fast, true);

  wb::require_selected_implementations();
  if (GTEST_FLAG_GET(list_tests)) return RUN_ALL_TESTS();
  fmt::print("{}\n{}\n", wb::describe_device(), wb::describe_selection());
  std::fflush(stdout);

  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  listeners.Append(wb::detail::make_console_report().release());
  nlohmann::json results;
  const std::string program = std::filesystem::path(argv[0]).filename();
  listeners.Append(wb::detail::make_results_report(program, [&](const nlohmann::json& body) {
                     results = body;
                   }).release());
  // Listeners are called at the end of a test in reverse order, so findings become failures before they are
  // reported.
  if (wb::detail::inspected()) {
    fmt::print("Inspected: races, bounds, memory that was never written, alignment\n");
    listeners.Append(wb::detail::make_findings_fail().release());
  }
  if (judged) wb::detail::start_watching_calls();
  const int code = RUN_ALL_TESTS();

  const char* folder = std::getenv("WB_RESULTS_DIR");
  if (judged) {
    wb::detail::send_verdict(wb::results_text("tests", results));
  } else if (folder != nullptr && *folder != '\0') {
    wb::write_results(std::filesystem::path(folder) / "tests" / (program + ".json"), "tests", results);
  }
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return kUsageError;
  }
}
