#include "07_tinyllama/trainer/selection/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "07_tinyllama/trainer/selection/trial.h"
#include "common/core/device_info.h"

namespace wb {
namespace {

constexpr int kMaxCalls = 200;
constexpr int kMaxLooks = 6;
constexpr double kBriefSeconds = 0.02;

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

// A candidate that is correct so far on the problem at hand.
struct Runner {
  const Candidate* candidate = nullptr;
  Measured* result = nullptr;
  std::unique_ptr<Workspace> own;
  double first_seconds = 0.0;                // of one call, all phases
  std::vector<std::vector<double>> samples;  // per round, of each phase
  bool hopeless = false;
  double times_slower = 1.0;  // than the fastest
};

class UnitRun {
 public:
  UnitRun(const Unit& unit, const MeasureOptions& options,
          const std::function<void(const std::string&)>& working, std::map<std::string, Measured>& results)
      : unit_(unit), options_(options), working_(working), results_(results) {}

  void measure(const Problem& problem) {
    ProblemRun run(problem, options_.seed, options_.graph);
    std::vector<Runner> runners = judge_all(problem, run);
    if (runners.empty()) return;
    time_all(run, runners);
    for (Runner& runner : runners) {
      // Where one shape is all, the time is there already.
      if (unit_.problems.size() > 1 && runner.times_slower > options_.give_up) {
        settle(*runner.result,
               {Verdict::kSlow,
                fmt::format("{:.0f} times as long; not measured further", runner.times_slower), 0.0},
               problem);
        continue;
      }
      announce(runner);
      const ProblemRun::Trial again = run.judge(*runner.candidate, *runner.own);
      if (again.verdict != Verdict::kCorrect) {
        settle(*runner.result,
               {again.verdict, "right at first, not after timing: " + again.message, again.worst}, problem);
        continue;
      }
      add_times(runner, problem);
    }
  }

 private:
  void announce(const Runner& runner) const {
    if (working_) working_(runner.candidate->name);
  }

  void settle(Measured& result, const ProblemRun::Trial& trial, const Problem& problem) const {
    result.verdict = trial.verdict;
    result.message =
        unit_.problems.size() > 1 ? fmt::format("{}: {}", problem.shape, trial.message) : trial.message;
    result.worst = std::max(result.worst, trial.worst);
  }

  std::vector<Runner> judge_all(const Problem& problem, ProblemRun& run) {
    std::vector<Runner> runners;
    for (const Candidate& candidate : problem.candidates) {
      Measured& result = results_.at(candidate.name);
      if (result.verdict != Verdict::kCorrect) continue;
      Runner runner{.candidate = &candidate, .result = &result, .own = nullptr, .samples = {}};
      announce(runner);
      ProblemRun::Trial trial;
      try {
        runner.own = std::make_unique<Workspace>(candidate.own, options_.seed + 1);
        trial = run.judge(candidate, *runner.own);
      } catch (const CudaError& error) {
        static_cast<void>(cudaGetLastError());
        const double gib = static_cast<double>(Workspace::bytes_needed(candidate.own)) / (1 << 30);
        trial = {Verdict::kUnsupported, fmt::format("its {:.1f} GiB of memory: {}", gib, error.what()), 0.0};
      }
      result.worst = std::max(result.worst, trial.worst);
      if (trial.verdict != Verdict::kCorrect) {
        settle(result, trial, problem);
        continue;
      }
      runners.push_back(std::move(runner));
    }
    return runners;
  }

  // Every round times every implementation, each round beginning with another one: what else the machine does
  // in the meantime blurs all alike.
  void time_all(ProblemRun& run, std::vector<Runner>& runners) const {
    double best = INFINITY;
    for (Runner& runner : runners) {
      announce(runner);
      runner.samples = {run.time(*runner.candidate, *runner.own, 1)};
      runner.first_seconds = sum(runner.samples.front());
      best = std::min(best, runner.first_seconds);
    }
    for (Runner& runner : runners) look_again(run, runner, best);
    for (int round = 0; round < options_.rounds; ++round) {
      for (std::size_t i = 0; i < runners.size(); ++i) {
        Runner& runner = runners[(i + static_cast<std::size_t>(round)) % runners.size()];
        if (runner.hopeless) continue;
        announce(runner);
        const double calls = options_.round_seconds / std::max(runner.first_seconds, 1e-9);
        runner.samples.push_back(
            run.time(*runner.candidate, *runner.own, std::clamp(static_cast<int>(calls), 1, kMaxCalls)));
      }
    }
  }

  // One look may have been at a busy machine: look again, more often where that costs little.
  void look_again(ProblemRun& run, Runner& runner, double best) const {
    const double limit = options_.hopeless * best;
    for (int look = 1; runner.first_seconds > limit; ++look) {
      if (look >= (runner.first_seconds < kBriefSeconds ? kMaxLooks : 2)) break;
      announce(runner);
      runner.samples.push_back(run.time(*runner.candidate, *runner.own, 1));
      runner.first_seconds = std::min(runner.first_seconds, sum(runner.samples.back()));
    }
    runner.hopeless = runner.first_seconds > limit;
    runner.times_slower = runner.first_seconds / best;
    if (!runner.hopeless) runner.samples.clear();
  }

  static void add_times(const Runner& runner, const Problem& problem) {
    std::vector<double>& total = runner.result->phase_seconds;
    total.resize(runner.candidate->phases.size(), 0.0);
    for (std::size_t phase = 0; phase < total.size(); ++phase) {
      std::vector<double> seconds;
      for (const std::vector<double>& sample : runner.samples) seconds.push_back(sample[phase]);
      total[phase] += problem.calls * median(seconds);
    }
  }

  const Unit& unit_;
  const MeasureOptions& options_;
  const std::function<void(const std::string&)>& working_;
  std::map<std::string, Measured>& results_;
};

}  // namespace

MeasureOptions default_measure_options() {
  MeasureOptions options;
  if (device_is_cpu()) options.rounds = 5;
  return options;
}

std::string shape_of(const Unit& unit) {
  return unit.problems.size() == 1 ? unit.problems.front().shape
                                   : fmt::format("{} shapes", unit.problems.size());
}

std::vector<std::string> names_of(const Unit& unit) {
  std::vector<std::string> names;
  for (const Problem& problem : unit.problems) {
    for (const Candidate& candidate : problem.candidates) names.push_back(candidate.name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

UnitReport measure_unit(const Unit& unit, const std::vector<Measured>& known, const MeasureOptions& options,
                        const std::function<void(const std::string&)>& working) {
  std::map<std::string, Measured> results;
  for (const std::string& name : names_of(unit)) results[name].implementation = name;
  for (const Measured& one : known) results[one.implementation] = one;
  UnitRun run(unit, options, working, results);
  for (const Problem& problem : unit.problems) run.measure(problem);

  UnitReport report{.unit = unit.name,
                    .contracts = unit.contracts,
                    .requests = unit.requests,
                    .shape = shape_of(unit),
                    .measured = {},
                    .chosen = {}};
  for (auto& [name, result] : results) {
    if (result.verdict != Verdict::kCorrect) result.phase_seconds.clear();
    report.measured.push_back(std::move(result));
  }
  report.chosen = fastest_correct(report.measured);
  return report;
}

}  // namespace wb
