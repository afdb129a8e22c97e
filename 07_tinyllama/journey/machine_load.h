// What other programs did on this machine while something was measured.
#pragma once

#include <optional>

namespace wb {

/// Counts processor time from its construction on: the machine's, less this process's own.
class MachineLoad {
 public:
  MachineLoad();

  /// Processors that other programs kept busy, on average: 1.9 of 2. Nothing where the system does not tell.
  std::optional<double> other_cores() const;

 private:
  double begin_ms_ = 0.0;
  double begin_own_s_ = 0.0;
  std::optional<double> begin_busy_s_;
};

}  // namespace wb
