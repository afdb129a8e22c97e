// What a benchmark program prints and writes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/harness/bench_measure.h"

namespace wb::detail {

/// The implementation that the others are compared with: the one asked for, else the first of library, naive
/// and solution that `names` holds, else the first name. `names` is not empty.
std::string choose_baseline(const std::vector<std::string>& names, const std::string& asked);

/// Gives every case its baseline, and puts the baseline first among the implementations of a problem.
std::vector<BenchmarkCase> arrange(std::vector<BenchmarkCase> cases, const std::string& asked_baseline);

/// Whether the ratio of the medians differs from 1 by more than the noise: by more than its own spread, which
/// goes from lower quartile / upper quartile to upper quartile / lower quartile.
bool differs(const Timing& baseline, const Timing& timing);

/// Prints a block for every problem, and each row as soon as it is measured. GPU: GB/s, TFLOP/s, fraction of
/// the roof. CPU device: the time, and the ratio to the baseline, the only figure there that may be quoted.
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
  /// Baseline's median / this median; empty if either was not measured.
  std::optional<double> speedup(const Measurement& measurement) const;
  void print_problem(const BenchmarkCase& which) const;
  void print_row(const Measurement& measurement) const;

  Roofs roofs_;
  bool is_cpu_;
  std::vector<Measurement> rows_;
};

}  // namespace wb::detail
