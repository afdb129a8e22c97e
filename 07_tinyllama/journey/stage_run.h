// One stage under measurement: its trainer, and what its steps took.
#pragma once

#include <optional>
#include <vector>

#include "07_tinyllama/journey/measure.h"
#include "07_tinyllama/journey/step_timer.h"

namespace wb {

/// One iteration of the training loop.
struct StepSample {
  PhaseMs phases;
  double loss_read_ms = 0.0;
  double true_ms = 0.0;
  float loss = 0.0f;
};

class StageRun {
 public:
  StageRun(const JourneyOptions& options, const Stage& stage, const Progress& progress);

  /// Builds the trainer where there is none, and warms it up. Errors: the Trainer's.
  void build();
  /// Steps for kRoundMs, one at least and kMostRoundSteps at most, and keeps their times as one round.
  void round();
  /// Steps, untimed, until there is a loss of each of the options' steps.
  void finish_losses();
  /// Looks at the gradients, then gives the trainer's memory back.
  void release();

  /// Of everything so far; after release().
  StageResult result() const;

 private:
  StepSample step();

  const JourneyOptions& options_;
  Stage stage_;
  const Progress& progress_;
  std::optional<Trainer> trainer_;
  int builds_ = 0;
  StepTimer::Function* clock_ = nullptr;
  std::vector<StepSample> samples_;  // timed
  StageResult result_;
};

}  // namespace wb
