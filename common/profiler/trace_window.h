// A trace of some steps of a loop: what a training program's --trace FILE does.
//
//   TraceWindow window("trace.json", 3);       checked now: nothing has run yet
//   for (int i = 0; i < steps; ++i) {
//     window.begin_step(i);
//     trainer.step();
//     window.end_step();
//   }
//   window.finish();
//   if (window.written()) print(window.description());
//
// The first steps are not traced: they allocate, load kernels and fill caches. The file is written when the
// window is full, long before the loop ends, or by finish() when the loop ended early.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/core/trace.h"
#include "common/profiler/trace.h"

namespace wb {

class TraceWindow {
 public:
  static constexpr int kWarmUpSteps = 3;

  /// Errors: steps < 1, a path that cannot be written, or a program that cannot trace throws wb::Error.
  TraceWindow(std::filesystem::path file, int steps, int warm_up_steps = kWarmUpSteps);

  /// Before and after a step of the loop. A traced step is a range "step INDEX", and ends when the device has
  /// done its work. Errors: a file that cannot be written any more throws wb::Error.
  void begin_step(int index);
  void end_step();
  /// After the loop.
  void finish();

  bool written() const { return written_; }
  /// "3 steps, 64 ranges, 288 kernels, ...; open trace.json in ui.perfetto.dev"
  std::string description() const;

 private:
  void write();

  std::filesystem::path file_;
  int steps_;
  int warm_up_steps_;
  int seen_ = 0;
  int traced_ = 0;
  bool written_ = false;
  Trace trace_;
  std::optional<TraceRange> range_;
};

}  // namespace wb
