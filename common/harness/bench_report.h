// What a benchmark program prints and writes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/harness/bench_measure.h"

namespace wb::detail {

/// The implementation that the others are compared with: the one asked for, else the first there is of
/// library, naive, solution, else the first of all. `names` is not empty.
std::string choose_baseline(const std::vector<std::string>& names, const std::string& asked);

/// Gives every case its baseline, and puts the baseline first among the implementations of a problem.
std::vector<BenchmarkCase> arrange(std::vector<BenchmarkCase> cases, const std::string& asked_baseline);

/// Whether median / median says more than the noise does: the ratio's distance from 1 is larger than its own
/// spread, from the lower quartile over the upper one to the upper over the lower.
bool differs(const Timing& baseline, const Timing& timing);

/// Prints a block for every problem, a row as soon as it is measured. GPU: GB/s, TFLOP/s, share of the roof.
/// CPU device: time, and the ratio to the baseline, which alone may be quoted.
class BenchmarkTable {
 public:
  BenchmarkTable(Roofs roofs, bool is_cpu);
  const Roofs& roofs() const { return roofs_; }
  void print_header() const;
  void add(const Measurement& measurement);
  bool all_ok() const;
  /// The body of a results file (kind "benchmarks", docs/results_schema.md).
  nlohmann::json results(const std::string& program) const;

 private:
  /// The measured baseline of the same problem; null when there is none.
  const Measurement* baseline_of(const Measurement& measurement) const;
  /// Baseline's median / this median; nothing when either was not measured.
  std::optional<double> speedup(const Measurement& measurement) const;
  void print_problem(const BenchmarkCase& which) const;
  void print_row(const Measurement& measurement) const;

  Roofs roofs_;
  bool is_cpu_;
  std::vector<Measurement> rows_;
};

}  // namespace wb::detail
