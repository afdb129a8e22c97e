#include "07_tinyllama/journey/fastest_attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "07_tinyllama/trainer/selection/measure.h"
#include "common/core/device_info.h"

namespace wb {
namespace {

// On the CPU device one call of it takes seconds at the journey's shape, and says nothing that is not known.
std::vector<Measured> settled_on_the_cpu_device() {
  if (!device_is_cpu()) return {};
  Measured slow;
  slow.implementation = "warp_per_query";
  slow.verdict = Verdict::kUnsupported;
  slow.message = "not timed: two shuffles per key, each of which takes 32 context switches on the CPU device";
  return {slow};
}

}  // namespace

UnitReport measure_attention(const JourneyOptions& options, const Progress& progress) {
  Setting setting;
  setting.config = options.config;
  setting.kv_layout = KvLayout::kContiguous;
  std::vector<Unit> units = units_of(setting, "library");
  const auto unit =
      std::find_if(units.begin(), units.end(), [](const Unit& u) { return u.name == "attention"; });
  if (unit == units.end()) throw Error("journey: a training step calls no attention");
  const auto working = [&](const std::string& name) { progress("attention " + name, 0, 0, std::nanf("")); };
  UnitReport report = measure_unit(*unit, settled_on_the_cpu_device(), default_measure_options(), working);
  report.chosen = fastest_correct(report.measured);
  if (report.chosen.empty()) {
    throw Error(fmt::format("journey: no attention is correct at {}; run ./workbook check 06", report.shape));
  }
  return report;
}

}  // namespace wb
