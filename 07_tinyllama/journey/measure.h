// What the journey measures of its stages.
//
// Speed is always measured in the same way: an iteration of the loop lies between two moments at which the
// device is idle. The times that the stage's own timer reports are stored separately.
//
// Stages are measured in rounds: each round runs every stage for some steps, so that other work of the
// machine affects all stages alike. A figure is the median over the rounds.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "07_tinyllama/journey/options.h"
#include "07_tinyllama/trainer/coverage.h"
#include "common/profiler/profiler.h"

namespace wb {

/// The phases of a step as the stage's own timer reports them.
struct PhaseMs {
  double forward = 0.0;
  double backward = 0.0;
  double optimizer = 0.0;

  double sum() const { return forward + backward + optimizer; }
};

/// What the profiler saw of a stage, in a run of its own.
struct StageProfile {
  int steps = 0;
  double launches_per_step = 0.0;   // kernels; memory copies and fills are none
  double kernel_ms = 0.0;           // of a step, median
  double attention_ms = 0.0;        // of a step, median; repeat_kv is not part of it
  double attention_ms_low = 0.0;    // of a step, the least: what no other program disturbed
  double repeat_kv_ms = 0.0;        // of a step, median
  std::vector<KernelTotal> totals;  // of all profiled steps
};

struct StageResult {
  Stage stage;
  std::string kernels;              // which implementation each operation ran
  std::string attention;            // which one attention ran
  std::vector<float> losses;        // of each training step
  int timed_steps = 0;              //
  std::vector<double> round_ms;     // true: the median step of each round
  double step_ms = 0.0;             // true, median over the rounds
  double step_ms_low = 0.0;         // true, 10th percentile of the rounds
  double step_ms_high = 0.0;        // true, 90th percentile of the rounds
  double samples_per_second = 0.0;  // from step_ms
  PhaseMs phases;                   // medians
  double phase_share = 0.0;         // median of (sum of phases / true step)
  double loss_read_ms = 0.0;        // median: what the line that reads the loss waits
  std::size_t peak_bytes = 0;       // of device memory
  GradientCoverage coverage;
  std::optional<StageProfile> profile;

  /// How far apart the rounds are: between their 10th and 90th percentile, as a share of the median.
  double spread() const { return step_ms > 0.0 ? (step_ms_high - step_ms_low) / step_ms : 0.0; }
};

/// How the rounds went.
struct RoundsResult {
  int rounds = 0;
  bool all_alive = true;              // all trainers were in memory at once; else each round built them anew
  std::optional<double> other_cores;  // processors that other programs kept busy meanwhile, where known
};

/// Losses of stage 5 on text.
struct TextResult {
  std::string description;
  std::vector<float> losses;
  double seconds = 0.0;
};

/// Told about every step: what runs, step, steps, loss so far (NaN when unknown).
using Progress = std::function<void(const std::string& what, int step, int steps, float loss)>;

/// All stages of the options, in rounds. Errors: the Trainer's.
std::vector<StageResult> measure_stages(const JourneyOptions& options, const Progress& progress,
                                        RoundsResult& rounds);
StageProfile profile_stage(const JourneyOptions& options, const Stage& stage, const Progress& progress);
TextResult train_on_text(const JourneyOptions& options, const Progress& progress);

/// Of a copy; the mean of the middle two when there are two. Errors: no values throws wb::Error.
double median(std::vector<double> values);

}  // namespace wb
