// What a run shows while it runs: a bar that is redrawn on a terminal, a plain line now and then elsewhere.
#pragma once

#include <chrono>
#include <optional>
#include <ostream>
#include <string>

namespace wb {

/// NaN: not known yet.
struct Standing {
  int step = 0;
  int steps = 0;
  float loss = 0.0f;
  std::optional<float> validation_loss;  // the latest
  double tokens_per_second = 0.0;
  double mfu = 0.0;         // share of the matrix products' roof
  double roof_share = 0.0;  // least_step_seconds over the step's
  double learning_rate = 0.0;
  double seconds_left = 0.0;
};

/// "loss 1.6210  validation 1.7034  143k tokens/s  MFU 31.0%  of the roof 33.1%  lr 9.7e-04  2:05 left"
std::string describe(const Standing& standing);
/// "2:05", "1:02:05"
std::string clock_text(double seconds);

class ProgressLine {
 public:
  ProgressLine(std::ostream& out, bool terminal) : out_(out), terminal_(terminal) {}

  /// Redraws the bar; without a terminal prints a line when the last one is some seconds old.
  void show(const Standing& standing);
  /// Prints a line that stays.
  void keep(const std::string& line);
  /// Takes the bar away.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::ostream& out_;
  bool terminal_;
  Clock::time_point last_ = Clock::now();
};

}  // namespace wb
