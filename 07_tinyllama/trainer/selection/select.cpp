#include "07_tinyllama/trainer/selection/select.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "07_tinyllama/trainer/selection/cache.h"
#include "07_tinyllama/trainer/selection/supervisor.h"
#include "07_tinyllama/trainer/selection/table.h"
#include "07_tinyllama/trainer/selection/worker.h"
#include "common/core/device_info.h"

namespace wb {
namespace {

std::filesystem::path worker_of(const SelectionOptions& options) {
  return options.worker.empty() ? this_program() : options.worker;
}

Supervisor supervisor_of(const SelectionOptions& options) {
  return Supervisor(worker_of(options), options.limit.value_or(default_limit()));
}

// The first unit is the matrix product, which the others are measured with.
std::vector<UnitReport> measure_all(const Setting& setting, const std::vector<Unit>& units,
                                    const SelectionOptions& options, const Say& say) {
  Supervisor supervisor = supervisor_of(options);
  const MeasureOptions how = options.measure.value_or(default_measure_options());
  std::vector<UnitReport> reports;
  std::string product = "solution";
  for (std::size_t i = 0; i < units.size(); ++i) {
    try {
      reports.push_back(supervisor.measure(setting, i, product, how));
    } catch (const Error& error) {
      say(fmt::format("{}: not measured, so it is looked up: {}", units[i].name, error.what()));
      continue;
    }
    if (i == 0 && !reports.back().chosen.empty()) product = reports.back().chosen;
    if (reports.back().chosen.empty()) {
      say(fmt::format("{}: no implementation is correct here, so it is looked up", units[i].name));
    }
  }
  return reports;
}

struct Words {
  std::string first;  // auto, remeasure, fixed, or empty
  std::string rules;
};

Words split(const std::string& request) {
  const std::size_t comma = request.find(',');
  const std::string first = request.substr(0, comma);
  for (const char* word : {"auto", "remeasure", "fixed"}) {
    if (first == word) return {first, comma == std::string::npos ? "" : request.substr(comma + 1)};
  }
  return request.empty() ? Words{"auto", ""} : Words{"", request};
}

std::string joined(const std::string& request, const std::string& rules) {
  return rules.empty() ? request : request.empty() ? rules : request + "," + rules;
}

// "rmsnorm=starter" -> "rmsnorm"
std::string target_of(const std::string& rule) {
  const std::size_t equals = rule.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == rule.size()) {
    throw Error(
        fmt::format("--kernel {}: say which operation gets which kernel, as in rmsnorm=starter", rule));
  }
  return rule.substr(0, equals);
}

// "its rmsnorm_forward is wrong: ..."
const char* outcome_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kCorrect:
    case Verdict::kSlow:
      return "is right";
    case Verdict::kWrong:
      return "is wrong";
    case Verdict::kUnsupported:
      return "refuses this shape";
    case Verdict::kFailed:
      return "failed";
    case Verdict::kCrashed:
      return "crashed";
    case Verdict::kHung:
      break;
  }
  return "hung";
}

// The units that a rule changes, by the contracts that select_kernels gives the forced name.
bool is_changed(const Unit& unit, const KernelSet& before, const KernelSet& after) {
  for (std::size_t i = 0; i < after.choices.size(); ++i) {
    if (after.choices[i].implementation == before.choices[i].implementation) continue;
    const auto& contracts = unit.contracts;
    if (std::find(contracts.begin(), contracts.end(), after.choices[i].contract) != contracts.end())
      return true;
  }
  return false;
}

// Its outputs on random inputs, poisoned: says more about a wrong kernel than a wrong loss does.
std::string failure_alone(const Setting& setting, const std::string& rule, const KernelSet& before,
                          const KernelSet& after, Supervisor& supervisor) {
  const std::string name = rule.substr(rule.find('=') + 1);
  const std::vector<Unit> units = units_of(setting, "solution");
  MeasureOptions once = default_measure_options();
  once.rounds = 1;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (!is_changed(units[i], before, after)) continue;
    std::vector<Measured> others;
    for (const std::string& other : names_of(units[i])) {
      if (other != name) others.push_back({other, Verdict::kUnsupported, "not asked for", 0.0, {}});
    }
    const UnitReport report = supervisor.measure(setting, i, "solution", once, others);
    for (const Measured& one : report.measured) {
      if (one.implementation != name || one.verdict == Verdict::kCorrect || one.verdict == Verdict::kSlow)
        continue;
      return fmt::format("its {} {}: {}", units[i].name, outcome_of(one.verdict), one.message);
    }
  }
  return {};
}

// A starter proves itself however it was asked for, in a resumed run as well: it may have been edited since.
// Moves "rmsnorm_forward=starter" out of the rules, and "starter" as all it stands for. Attention goes as a
// whole.
std::string take_starters(const std::string& rules, Precision precision, std::vector<std::string>& forced) {
  const auto force = [&](const std::string& target) {
    const std::string rule = (target.starts_with("attention") ? "attention" : target) + "=starter";
    if (std::find(forced.begin(), forced.end(), rule) == forced.end()) forced.push_back(rule);
  };
  std::string kept;
  for (std::size_t begin = 0; begin < rules.size();) {
    const std::size_t end = std::min(rules.find(',', begin), rules.size());
    const std::string rule = rules.substr(begin, end - begin);
    begin = end + 1;
    if (rule == "starter") {
      for (const KernelChoice& choice : select_kernels(rule, precision).choices) {
        if (choice.implementation == rule) force(choice.contract);
      }
    } else if (rule.ends_with("=starter")) {
      force(target_of(rule));
    } else {
      kept = joined(kept, rule);
    }
  }
  return kept;
}

// What a forced kernel is compared with and replaced by: `solution`, or the look-up's where there is none.
std::string reference_rule(const std::string& target, Precision precision) {
  const std::string rule = target + "=solution";
  try {
    select_kernels(rule, precision);
    return rule;
  } catch (const Error&) {
    return target + "=auto";
  }
}

ForcedKernel check_forced(const Setting& setting, const std::string& base, const std::string& rule,
                          const SelectionOptions& options) {
  if (options.worker.empty() && !has_worker()) {
    throw Error(fmt::format("--kernel {}: this program has no process to check it in", rule));
  }
  ForcedKernel forced{.rule = rule, .failure = {}, .parity = {}};
  const std::string target = target_of(rule);
  const std::string reference = joined(base, reference_rule(target, setting.precision));
  const KernelSet before = select_kernels(reference, setting.precision);
  const KernelSet after = select_kernels(joined(base, rule), setting.precision);
  Supervisor supervisor = supervisor_of(options);
  forced.failure = failure_alone(setting, rule, before, after, supervisor);
  if (forced.failure.empty()) {
    forced.parity =
        supervisor.parity(setting, joined(base, rule), reference, parity_options(setting.precision));
    forced.failure = forced.parity.failure;
  }
  forced.taken = forced.failure.empty();
  return forced;
}

}  // namespace

Selection select_by_measurement(const Setting& setting, const SelectionOptions& options, const Say& say) {
  const std::vector<Unit> units = units_of(setting, "solution");
  const std::filesystem::path folder = options.folder.empty() ? default_cache_folder() : options.folder;
  Selection selection;
  if (options.worker.empty() && !has_worker()) {
    say("kernels are looked up: this program has no process to measure them in");
    return selection;
  }
  const nlohmann::json key = cache_key(setting, units, worker_of(options));
  std::string remark;
  if (!options.remeasure) {
    if (const auto remembered = recall(folder, key, remark)) {
      selection.units = remembered->units;
      selection.created = remembered->created;
      selection.remembered = true;
      selection.request = request_of(selection.units);
      say(fmt::format("Kernels measured on {} for this device, shape and build ({}):", selection.created,
                      cache_file(folder, key).string()));
      return selection;
    }
    if (!remark.empty()) say(remark);
  }
  say(fmt::format("Measuring every kernel at the shapes of this model on {}:", device_info().name));
  selection.units = measure_all(setting, units, options, say);
  selection.request = request_of(selection.units);
  if (selection.units.size() < units.size()) return selection;  // the next run tries again
  try {
    remember(folder, key, selection.units);
  } catch (const Error& error) {
    say(fmt::format("the measurement is not remembered: {}", error.what()));
  }
  return selection;
}

void require_known(const KernelOptions& options, Precision precision) {
  select_kernels(look_up_of(options.kernels), precision);
  for (const std::string& rule : options.forced) {
    target_of(rule);
    select_kernels(rule, precision);
  }
}

std::string look_up_of(const std::string& kernels) {
  const Words words = split(kernels);
  return words.first.empty() ? words.rules : joined("auto", words.rules);
}

KernelPlan plan_kernels(const Setting& setting, const KernelOptions& options, const Say& say) {
  const Words words = split(options.kernels);
  KernelPlan plan;
  require_known(options, setting.precision);
  plan.request = "auto";
  if (words.first == "auto" || words.first == "remeasure") {
    SelectionOptions how = options.selection;
    how.remeasure |= words.first == "remeasure";
    plan.selection = select_by_measurement(setting, how, say);
    if (!plan.selection->units.empty()) say(table(plan.selection->units));
    plan.request = joined(plan.request, plan.selection->request);
  }
  std::vector<std::string> all_forced;
  plan.request = joined(plan.request, take_starters(words.rules, setting.precision, all_forced));
  all_forced.insert(all_forced.end(), options.forced.begin(), options.forced.end());
  for (const std::string& rule : all_forced) {
    ForcedKernel forced = check_forced(setting, plan.request, rule, options.selection);
    const std::string fallback = reference_rule(target_of(rule), setting.precision);
    if (!forced.parity.steps.empty()) {
      say(fmt::format("--kernel {} beside {}, from the same weights on the same data:\n{}", rule, fallback,
                      describe(forced.parity)));
    }
    if (!forced.taken && options.strict) throw Error(fmt::format("--kernel {}: {}", rule, forced.failure));
    if (forced.taken) {
      say(fmt::format("--kernel {}: parity holds, it trains", rule));
      plan.request = joined(plan.request, rule);
    } else {
      say(fmt::format("--kernel {}: {}; training with {} instead", rule, forced.failure, fallback));
      plan.request = joined(plan.request, fallback);
    }
    plan.forced.push_back(std::move(forced));
  }
  plan.kernels = select_kernels(plan.request, setting.precision);
  return plan;
}

}  // namespace wb
