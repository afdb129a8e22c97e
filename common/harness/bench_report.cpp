#include "common/harness/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "common/core/device_info.h"

namespace wb::detail {
namespace {

using nlohmann::json;

std::string time_text(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.2f} us", 1e6 * seconds);
  if (seconds < 1) return fmt::format("{:.3f} ms", 1e3 * seconds);
  return fmt::format("{:.3f} s", seconds);
}

const char* outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kWrong:
      return "wrong";
    case Outcome::kAboveRoof:
      return "above_roof";
    case Outcome::kError:
      return "error";
    case Outcome::kSkipped:
      return "skipped";
  }
  return "error";
}

const char* outcome_heading(Outcome outcome) {
  if (outcome == Outcome::kSkipped) return "skipped";
  if (outcome == Outcome::kWrong) return "WRONG RESULT";
  return outcome == Outcome::kAboveRoof ? "REFUSED" : "ERROR";
}

bool same_problem(const BenchmarkCase& x, const BenchmarkCase& y) {
  return x.contract == y.contract && x.problem == y.problem;
}

json or_null(const std::optional<double>& value) {
  return value ? json(*value) : json();
}
json known_or_null(double value) {
  return value > 0 ? json(value) : json();
}

}  // namespace

std::string choose_baseline(const std::vector<std::string>& names, const std::string& asked) {
  for (const std::string& candidate :
       {asked, std::string("library"), std::string("naive"), std::string("solution")}) {
    if (std::find(names.begin(), names.end(), candidate) != names.end()) return candidate;
  }
  return names.front();
}

std::vector<BenchmarkCase> arrange(std::vector<BenchmarkCase> cases, const std::string& asked_baseline) {
  for (auto first = cases.begin(); first != cases.end();) {
    const auto last =
        std::find_if(first, cases.end(), [&](const auto& other) { return !same_problem(*first, other); });
    std::vector<std::string> names;
    for (auto entry = first; entry != last; ++entry) names.push_back(entry->implementation);
    const std::string baseline = choose_baseline(names, asked_baseline);
    for (auto entry = first; entry != last; ++entry) entry->baseline = baseline;
    std::stable_partition(first, last, [&](const auto& entry) { return entry.implementation == baseline; });
    first = last;
  }
  return cases;
}

bool differs(const Timing& baseline, const Timing& timing) {
  const double highest = baseline.upper_quartile / timing.lower_quartile;
  const double lowest = baseline.lower_quartile / timing.upper_quartile;
  return std::abs(baseline.median / timing.median - 1) > highest - lowest;
}

BenchmarkTable::BenchmarkTable(Roofs roofs, bool is_cpu) : roofs_(roofs), is_cpu_(is_cpu) {}

void BenchmarkTable::print_header() const {
  fmt::print("{}\n", describe_device());
  if (is_cpu_) {
    fmt::print("Times of the CPU, not of a GPU: quote ratios within one run, never the times.\n");
  } else {
    fmt::print("Roofs: copy {:.0f} GB/s (measured now), fp32 {:.1f} TFLOP/s (data sheet)\n",
               roofs_.bytes_per_second / 1e9, roofs_.fp32_flops / 1e12);
    if (roofs_.bf16_flops > 0) {
      fmt::print("       bf16 products on tensor cores {:.0f} TFLOP/s (the library's, measured now)\n",
                 roofs_.bf16_flops / 1e12);
    }
  }
  std::fflush(stdout);
}

void BenchmarkTable::add(const Measurement& measurement) {
  if (rows_.empty() || !same_problem(rows_.back().which, measurement.which)) print_problem(measurement.which);
  rows_.push_back(measurement);
  print_row(measurement);
  std::fflush(stdout);
}

bool BenchmarkTable::all_ok() const {
  return std::all_of(rows_.begin(), rows_.end(), [](const auto& row) {
    return row.outcome == Outcome::kOk || row.outcome == Outcome::kSkipped;
  });
}

const Measurement* BenchmarkTable::baseline_of(const Measurement& measurement) const {
  if (measurement.outcome != Outcome::kOk) return nullptr;
  const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const Measurement& row) {
    return same_problem(row.which, measurement.which) && row.which.implementation == row.which.baseline &&
           row.outcome == Outcome::kOk;
  });
  return found == rows_.end() ? nullptr : &*found;
}

std::optional<double> BenchmarkTable::speedup(const Measurement& measurement) const {
  const Measurement* baseline = baseline_of(measurement);
  if (baseline == nullptr) return {};
  return baseline->timing.median / measurement.timing.median;
}

void BenchmarkTable::print_problem(const BenchmarkCase& which) const {
  const std::string flops = which.work.flops > 0 ? fmt::format(", {:.4g} MFLOP", which.work.flops / 1e6) : "";
  fmt::print("\n{} {}: {:.4g} MB{} per call\n", which.contract, which.problem, which.work.bytes / 1e6, flops);
  const std::string rates = is_cpu_ ? "" : fmt::format("{:>9} {:>9} {:>8} ", "GB/s", "TFLOP/s", "of roof");
  fmt::print("  {:<16} {:>11} {:>7} {}{:>8}\n", "implementation", "median", "spread", rates, "speed-up");
}

void BenchmarkTable::print_row(const Measurement& row) const {
  const BenchmarkCase& which = row.which;
  if (row.outcome != Outcome::kOk) {
    fmt::print("  {:<16} {}: {}\n", which.implementation, outcome_heading(row.outcome), row.message);
    return;
  }
  std::string rates;
  if (!is_cpu_) {
    const auto fraction = fraction_of_roof(which.work, row.timing.median, roofs_);
    const std::string flops =
        which.work.flops > 0 ? fmt::format("{:.3f}", which.work.flops / row.timing.median / 1e12) : "-";
    rates = fmt::format("{:>9.1f} {:>9} {:>8} ", which.work.bytes / row.timing.median / 1e9, flops,
                        fraction ? fmt::format("{:.1f}%", 100 * *fraction) : "-");
  }
  const bool is_baseline = which.implementation == which.baseline;
  std::string ratio = "-";
  if (const Measurement* baseline = baseline_of(row)) {
    ratio = is_baseline || differs(baseline->timing, row.timing) ? fmt::format("{:.2f}x", *speedup(row))
                                                                 : "no difference measured";
  }
  fmt::print("  {:<16} {:>11} {:>6.1f}% {}{:>8}{}\n", which.implementation, time_text(row.timing.median),
             100 * row.timing.spread(), rates, ratio, is_baseline ? "  baseline" : "");
}

json BenchmarkTable::results(const std::string& program) const {
  json rows = json::array();
  for (const Measurement& row : rows_) {
    const BenchmarkCase& which = row.which;
    json entry = {{"contract", which.contract},
                  {"problem", which.problem},
                  {"implementation", which.implementation},
                  {"baseline", which.baseline},
                  {"outcome", outcome_name(row.outcome)},
                  {"message", row.message},
                  {"bytes", which.work.bytes},
                  {"flops", which.work.flops}};
    if (row.outcome == Outcome::kOk) {
      const Timing& timing = row.timing;
      entry["seconds"] = {{"median", timing.median},
                          {"lower_quartile", timing.lower_quartile},
                          {"upper_quartile", timing.upper_quartile},
                          {"minimum", timing.minimum},
                          {"maximum", timing.maximum}};
      entry["samples"] = timing.samples;
      entry["calls_per_sample"] = row.batch;
      entry["buffer_sets"] = row.sets;
      entry["speedup"] = or_null(speedup(row));
      entry["bytes_per_second"] = is_cpu_ ? json() : json(which.work.bytes / timing.median);
      entry["flops_per_second"] = is_cpu_ ? json() : json(which.work.flops / timing.median);
      entry["fraction_of_roof"] = or_null(fraction_of_roof(which.work, timing.median, roofs_));
    }
    rows.push_back(entry);
  }
  return {{"program", program},
          {"timer", is_cpu_ ? "cpu_device_events" : "cuda_events"},
          {"roofs",
           {{"copy_bytes_per_second", known_or_null(roofs_.bytes_per_second)},
            {"fp32_flops", known_or_null(roofs_.fp32_flops)},
            {"bf16_flops", known_or_null(roofs_.bf16_flops)}}},
          {"rows", rows}};
}

}  // namespace wb::detail
