// Measures in a process of its own, which may crash or hang: then the implementation at work gets that
// verdict, another process is started, and the rest is measured.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/selection/measure.h"
#include "07_tinyllama/trainer/selection/parity.h"
#include "07_tinyllama/trainer/selection/worker_process.h"

namespace wb {

class Supervisor {
 public:
  /// `program` calls worker_main() when its first argument is kWorkerArgument, and has the same
  /// implementations as this one. `limit`: how long one implementation may take for one check or one sample.
  Supervisor(std::filesystem::path program, std::chrono::milliseconds limit);

  /// What measure_unit() does, of units_of(setting, product)[index]; `known` are not called. Errors: the
  /// worker cannot start, or the reference fails.
  UnitReport measure(const Setting& setting, std::size_t index, const std::string& product,
                     const MeasureOptions& options, std::vector<Measured> known = {});

  /// What check_parity() does; a crash or a hang is a failure in words.
  Parity parity(const Setting& setting, const std::string& request, const std::string& reference,
                const ParityOptions& options);

 private:
  struct Answer;
  /// Sends the task and waits for its end; notes who was at work last.
  Answer ask(const std::string& task);

  std::filesystem::path program_;
  std::chrono::milliseconds limit_;
  std::unique_ptr<WorkerProcess> worker_;
};

/// 30 seconds on a GPU, 120 on the CPU device.
std::chrono::milliseconds default_limit();

}  // namespace wb
