// One run from start to end: the training loop and what it does between steps.
//
//   every step             forward, backward, clipping, optimizer: only enqueued
//   every some tenths of a second   wait for the device, show the progress
//   every --log-every      a line of metrics.jsonl; look whether losses and gradients are finite
//   every --validate-every the loss on the validation part; the best checkpoint so far is kept apart
//   every --checkpoint-every   a checkpoint, when all is finite
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "07_tinyllama/train/metrics.h"
#include "07_tinyllama/train/options.h"
#include "07_tinyllama/train/progress.h"
#include "07_tinyllama/train/roof.h"
#include "07_tinyllama/trainer/checkpoint/checkpoint.h"
#include "07_tinyllama/trainer/not_finite.h"

namespace wb {

class TraceWindow;

class Session {
 public:
  enum class End { kDone, kInterrupted, kNotFinite };

  /// Loads data, measures the roofs, makes the trainer and, to resume, loads its checkpoint. Errors: data,
  /// memory, folder or checkpoint that does not do throws wb::Error.
  Session(const RunOptions& options, ProgressLine progress);

  /// Trains to the last step, the first that is not finite, or a signal.
  End train();

  int steps_done() const { return trainer_->steps_done(); }
  const KernelSet& kernels() const { return trainer_->options().kernels; }
  const Roofs& roofs() const { return roofs_; }
  std::string train_description() const { return trainer_->data().description(); }
  std::string validation_description() const;
  /// What went wrong, in one line.
  const std::string& not_finite_message() const { return not_finite_message_; }
  /// What was reached, for the user.
  std::string summary() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Best {
    float loss = 0.0f;
    int step = -1;  // -1: none yet
  };

  End run_steps(TraceWindow* trace);  // null: none
  bool due(int every) const;
  void pulse();
  bool record();
  void validate_now();
  void save();
  CheckpointNotes notes() const;
  Standing standing(float loss) const;
  void explain_not_finite(int step, const char* what);
  void write_results() const;

  RunOptions options_;
  ProgressLine progress_;
  std::optional<Data> validation_;
  const char* unit_ = "byte";
  Roofs roofs_;
  std::unique_ptr<Trainer> trainer_;
  std::optional<CheckpointStore> latest_;
  std::optional<CheckpointStore> best_store_;
  std::optional<MetricsLog> metrics_;

  double step_flops_ = 0.0;
  double least_seconds_ = 0.0;  // of a step, at the roofs
  double step_seconds_ = 0.0;   // of the latest interval; 0: not measured yet
  Clock::time_point interval_begin_;
  int recorded_ = 0;      // steps in metrics.jsonl
  int synchronized_ = 0;  // steps that the device is known to have done
  int saved_ = -1;        // step of the latest checkpoint
  int validated_ = -1;
  double validation_seconds_ = 0.0;
  std::optional<float> validation_loss_;
  Best best_;
  std::string not_finite_message_;
};

}  // namespace wb
