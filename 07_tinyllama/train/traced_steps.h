// --trace: a few steps of a run as a timeline. common/profiler/trace.h records it.
#pragma once

#include <filesystem>

#include "common/profiler/trace.h"

namespace wb {

/// Records `count` steps from the third one of this process on: the first ones warm up. Of a shorter run the
/// last ones.
class TracedSteps {
 public:
  /// No file: nothing is recorded. `begin` and `end`: the steps of this process.
  TracedSteps(std::filesystem::path file, int count, int begin, int end);

  void before(int step);
  /// After the last step of the record writes the file. Errors: a file that cannot be written throws
  /// wb::Error.
  void after(int steps_done);

 private:
  std::filesystem::path file_;
  Trace trace_;
  int first_ = 0;
  int last_ = 0;  // behind the last one
};

}  // namespace wb
