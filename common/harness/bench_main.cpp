// main() of every benchmark program: makes the cases, has Google Benchmark run them,
// prints and writes the results.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "common/core/check.h"
#include "common/core/device_info.h"
#include "common/core/error.h"
#include "common/core/results.h"
#include "common/harness/bench.h"
#include "common/harness/bench_measure.h"
#include "common/harness/bench_report.h"

namespace wb::detail {
namespace {

constexpr int kFailed = 1, kUsageError = 2;

std::vector<std::function<std::vector<BenchmarkCase>()>>& makers() {
  static std::vector<std::function<std::vector<BenchmarkCase>()>> list;
  return list;
}

// The table is ours; Google Benchmark selects and runs.
class SilentReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>&) override {}
};

struct Options {
  std::string filter, baseline, output, problem, contracts = ".*";
  bool has_baseline = false, once = false;
  int samples = 21;
};

// Leaves in `rest` what is meant for Google Benchmark.
Options parse(int argc, char** argv, std::vector<std::string>& rest) {
  Options options;
  CLI::App app(
      "Benchmark of the workbook. Options of Google Benchmark (--benchmark_filter=REGEX, "
      "--benchmark_list_tests) work too.");
  app.allow_extras();
  const auto* filter =
      app.add_option("--impl", options.filter, "measure only these implementations, comma-separated");
  const auto* baseline = app.add_option("--baseline", options.baseline, "the implementation to compare with");
  app.add_option("--samples", options.samples, "samples of each row")
      ->check(CLI::Range(3, 100000))
      ->capture_default_str();
  app.add_flag("--once", options.once,
               "call each implementation once on the first problem of each contract, check it, and measure "
               "nothing: for use under a profiler or a debugger");
  app.add_option("--contracts", options.contracts, "with --once: only contracts whose name matches this");
  const auto* problem = app.add_option("--problem", options.problem,
                                       "only this problem: '256 NN', or with its contract 'matmul 256 NN'");
  app.add_option("--output,--json", options.output, "write the results to this file");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    std::exit(0);
  } catch (const CLI::ParseError& error) {
    throw Error(fmt::format("{}; see --help", error.what()));
  }
  if (filter->count() != 0 && options.filter.empty()) throw Error("--impl is empty; see --help");
  if (problem->count() != 0 && options.problem.empty()) throw Error("--problem is empty; see --help");
  if (filter->count() != 0) set_implementation_filter(options.filter);
  options.has_baseline = baseline->count() != 0;
  rest = app.remaining();
  return options;
}

std::filesystem::path results_path(const Options& options, const std::string& program) {
  if (!options.output.empty()) return options.output;
  const char* folder = std::getenv("WB_RESULTS_DIR");
  if (folder == nullptr || *folder == '\0') return {};
  return std::filesystem::path(folder) / "bench" / (program + ".json");
}

// Leaves the problem of this name alone, of every contract that has it.
void keep_problem(std::vector<BenchmarkCase>& cases, const std::string& wanted) {
  std::vector<std::string> names;
  for (const BenchmarkCase& entry : cases) {
    std::string name = fmt::format("{} {}", entry.contract, entry.problem);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  std::erase_if(cases, [&](const BenchmarkCase& entry) {
    return entry.problem != wanted && fmt::format("{} {}", entry.contract, entry.problem) != wanted;
  });
  if (!cases.empty()) return;
  throw Error(
      fmt::format("--problem: no problem here is called '{}'; there is {}", wanted, fmt::join(names, ", ")));
}

// Calls each implementation once, on the first problem of its contract.
int call_once(const std::vector<BenchmarkCase>& cases, const std::regex& contracts) {
  std::map<std::string, std::string> first;  // problem by contract
  bool all_right = true;
  for (const BenchmarkCase& entry : cases) {
    if (!std::regex_match(entry.contract, contracts)) continue;
    if (first.emplace(entry.contract, entry.problem).first->second != entry.problem) continue;
    std::string verdict = entry.skip_reason.empty() ? "right" : "left out: " + entry.skip_reason;
    if (entry.skip_reason.empty()) {
      try {
        const auto session = entry.open(1);
        session->clear();
        session->call(0, nullptr);
        WB_CUDA_CHECK(cudaDeviceSynchronize());
        const auto right = session->check(0);
        if (!right) verdict = fmt::format("wrong: {}", right.message());
        all_right = all_right && right;
      } catch (const std::exception& error) {
        verdict = fmt::format("error: {}", error.what());
        all_right = false;
      }
    }
    fmt::print("{} {} {}: {}\n", entry.contract, entry.problem, entry.implementation, verdict);
    std::fflush(stdout);
  }
  if (first.empty()) throw Error("--once: no contract here matches --contracts");
  return all_right ? 0 : kFailed;
}

int run(int argc, char** argv) {
  std::vector<std::string> rest;
  const Options options = parse(argc, argv, rest);
  std::vector<char*> arguments{argv[0]};
  for (std::string& text : rest) arguments.push_back(text.data());
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (count > 1) throw Error(fmt::format("unknown option '{}'; see --help", arguments[1]));

  const std::string program = std::filesystem::path(argv[0]).filename();
  const std::filesystem::path output = results_path(options, program);
  if (!output.empty()) require_replaceable(output);
  require_selected_implementations();
  std::vector<BenchmarkCase> cases;
  for (const auto& make : makers()) {
    for (BenchmarkCase& entry : make()) cases.push_back(std::move(entry));
  }
  if (!options.problem.empty()) keep_problem(cases, options.problem);
  const auto is_baseline = [&](const auto& entry) { return entry.implementation == options.baseline; };
  if (options.has_baseline && std::none_of(cases.begin(), cases.end(), is_baseline)) {
    throw Error(fmt::format("--baseline: no implementation here is called '{}'; {}", options.baseline,
                            describe_selection()));
  }
  if (options.once) return call_once(cases, std::regex(options.contracts));
  cases = arrange(std::move(cases), options.baseline);

  const bool tensor_cores =
      std::any_of(cases.begin(), cases.end(), [](const auto& entry) { return entry.work.tensor_cores; });
  BenchmarkTable table(measure_roofs(tensor_cores), device_is_cpu());
  table.print_header();
  for (const BenchmarkCase& entry : cases) {
    const std::string name = fmt::format("{}/{}/{}", entry.contract, entry.problem, entry.implementation);
    const auto measure = [&table, &entry](benchmark::State& state) {
      if (!entry.skip_reason.empty()) {
        table.add({entry, Outcome::kSkipped, entry.skip_reason, {}});
        state.SkipWithError("the table gives the reason");
        return;
      }
      CaseTimer timer(entry, table.roofs());
      if (!timer.ready()) state.SkipWithError("the table gives the reason");
      for (auto _ : state) state.SetIterationTime(timer.sample());
      table.add(timer.finish());
    };
    benchmark::RegisterBenchmark(name.c_str(), measure)
        ->UseManualTime()
        ->Iterations(options.samples - 1);  // finish() takes the last
  }
  SilentReporter reporter;
  if (benchmark::RunSpecifiedBenchmarks(&reporter) == 0)
    throw Error("--benchmark_filter matches no benchmark");

  if (!output.empty()) {
    write_results(output, "benchmarks", table.results(program));
    fmt::print("\nwritten: {}\n", output.string());
  }
  return table.all_ok() ? 0 : kFailed;
}

}  // namespace

void add_benchmark_cases(std::function<std::vector<BenchmarkCase>()> make) {
  makers().push_back(std::move(make));
}

}  // namespace wb::detail

int main(int argc, char** argv) {
  try {
    return wb::detail::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return wb::detail::kUsageError;
  }
}
